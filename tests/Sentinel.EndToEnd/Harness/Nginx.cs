using System.Diagnostics;

namespace Sentinel.EndToEnd.Harness;

/// <summary>A real nginx that ends TLS itself, as Mozilla would have it for everybody's clients ("intermediate").</summary>
internal static class Nginx
{
    /// <summary>Starts it on port 8443, as one process: whoever kills that has killed it all.</summary>
    /// <param name="certificate">A file of the sandbox, in PEM.</param>
    /// <param name="key">The same.</param>
    public static Process Start(Sandbox sandbox, string address, string certificate, string key)
    {
        var configuration = sandbox.Write("nginx.conf", $$"""
            daemon off;
            master_process off;
            pid {{sandbox.PathOf("nginx.pid")}};
            error_log stderr;
            events { }
            http {
                access_log off;
                client_body_temp_path {{sandbox.PathOf("body")}};
                proxy_temp_path {{sandbox.PathOf("proxy")}};
                fastcgi_temp_path {{sandbox.PathOf("fastcgi")}};
                uwsgi_temp_path {{sandbox.PathOf("uwsgi")}};
                scgi_temp_path {{sandbox.PathOf("scgi")}};
                server {
                    listen {{address}}:8443 ssl http2;
                    ssl_certificate {{sandbox.PathOf(certificate)}};
                    ssl_certificate_key {{sandbox.PathOf(key)}};
                    ssl_protocols TLSv1.2 TLSv1.3;
                    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
                    ssl_prefer_server_ciphers off;
                    location / { return 200 "nginx"; }
                }
            }
            """);
        return Shell.Start("nginx", "-p", sandbox.Folder, "-c", configuration);
    }
}
