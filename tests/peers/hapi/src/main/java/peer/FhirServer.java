package peer;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.server.FifoMemoryPagingProvider;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.HashMapResourceProvider;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.Set;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.hl7.fhir.instance.model.api.IBaseResource;

/** A FHIR R4 server at /fhir: PORT TYPES AUTHORIZATION, where an empty AUTHORIZATION lets everybody in. */
public class FhirServer {
    public static void main(String[] arguments) throws Exception {
        FhirContext r4 = FhirContext.forR4();
        RestfulServer fhir = new RestfulServer(r4);
        for (String type : arguments[1].split(",")) {
            Class<? extends IBaseResource> model = r4.getResourceDefinition(type).getImplementingClass();
            fhir.registerProvider(new HashMapResourceProvider<>(r4, model));
        }
        FifoMemoryPagingProvider pages = new FifoMemoryPagingProvider(10);
        pages.setDefaultPageSize(10);
        pages.setMaximumPageSize(10);
        fhir.setPagingProvider(pages);
        ServletContextHandler handler = new ServletContextHandler("/");
        handler.addServlet(new ServletHolder(fhir), "/fhir/*");
        handler.addFilter(new FilterHolder(new Guard(arguments[2])), "/*", EnumSet.of(DispatcherType.REQUEST));
        Server jetty = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])));
        jetty.setHandler(handler);
        jetty.start();
        jetty.join();
    }

    /** Answers 401 to whoever does not send this very Authorization header. */
    static class Guard extends HttpFilter {
        private final String authorization;

        Guard(String authorization) {
            this.authorization = authorization;
        }

        @Override
        protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
                throws IOException, ServletException {
            if (authorization.isEmpty() || authorization.equals(request.getHeader("Authorization"))) {
                chain.doFilter(request, response);
            } else {
                response.sendError(HttpServletResponse.SC_UNAUTHORIZED);
            }
        }
    }
}
