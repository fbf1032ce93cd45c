using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>The delivery script as it is shipped, run by the daemon under its own unit: over a real sshd, to a real nginx and a real Caddy under the units of their packages.</summary>
[Collection("systemd")]
public sealed class DeliveryTests
{
    private const string Name = "app.example.test";

    [NeedsFact("systemd-nspawn", "debootstrap", "root", "nginx", "caddy", "openssl")]
    public async Task A_VMs_nginx_and_Caddy_show_each_new_certificate()
    {
        await using var sentinel = await InstalledSentinel.CreateAsync(
            Configuration, version: null, (Needs.Find("nginx")!, "/usr/sbin/nginx"), (Needs.Find("caddy")!, "/usr/bin/caddy"));
        var container = sentinel.Container;
        await InstallAsync(container);
        var first = Issue(container, days: 10);
        await container.ShellAsync("systemctl start sentinel || { journalctl --no-pager -u sentinel | tail -n 40; exit 1; }");
        try
        {
            await Eventually.TrueAsync(() => File.Exists(container.Root + $"/etc/ssl/sentinel/{Name}.crt"));
            await container.ShellAsync("systemctl start nginx caddy || { journalctl --no-pager -u nginx -u caddy | tail -n 40; exit 1; }");
            await UntilShownAsync(container, first);

            await UntilShownAsync(container, Issue(container, days: 20));

            Assert.Equal(
                $"750 root:caddy .\n640 root:caddy {Name}.crt\n640 root:caddy {Name}.key\n",
                await container.ShellAsync($"cd /etc/ssl/sentinel && stat -c '%a %U:%G %n' . *"));
            Assert.Equal(("active", "active"), (await container.PropertyAsync("ActiveState", "nginx.service"), await container.PropertyAsync("ActiveState", "caddy.service")));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{await container.TextAsync()}{await container.TextAsync("caddy.service")}{await container.TextAsync("nginx.service")}", e);
        }
    }

    private static object Configuration => new
    {
        backends = new Dictionary<string, object> { ["spot-1"] = new { address = "127.0.0.9", health = new { kind = "ssh", port = 22, interval = "250ms", healthyAfter = 1 } } },
        pools = new { },
        listeners = new { },
        certificates = new
        {
            sync = new[] { new { directory = "/srv/shared", interval = "1s" } },
            deliver = new[]
            {
                new { names = new[] { Name }, backend = "spot-1", command = new[] { "/usr/local/bin/push-cert", "{certificate}", "{key}", "root@{address}", Name } },
            },
        },
    };

    private static async Task InstallAsync(Container container)
    {
        container.Write("/usr/local/bin/push-cert", await File.ReadAllTextAsync(Path.Combine(Container.Repository, "samples/push-cert")));
        container.Write("/etc/systemd/system/sentinel.service.d/push-cert.conf", "[Service]\nLoadCredential=push-cert:/etc/sentinel/push-cert.key\n");
        container.Write("/etc/systemd/system/nginx.service", await File.ReadAllTextAsync("/lib/systemd/system/nginx.service"));
        container.Write("/etc/systemd/system/caddy.service", await File.ReadAllTextAsync("/lib/systemd/system/caddy.service"));
        container.Write("/etc/nginx/nginx.conf", $$"""
            user www-data;
            pid /run/nginx.pid;
            events { }
            http {
                access_log off;
                server {
                    listen 127.0.0.9:8443 ssl;
                    ssl_certificate /etc/ssl/sentinel/{{Name}}.crt;
                    ssl_certificate_key /etc/ssl/sentinel/{{Name}}.key;
                }
            }

            """);
        container.Write("/etc/caddy/Caddyfile", $$"""
            {
                auto_https disable_redirects
                https_port 9443
            }
            https://{{Name}} {
                bind 127.0.0.9
                tls /etc/ssl/sentinel/{{Name}}.crt /etc/ssl/sentinel/{{Name}}.key
                respond caddy
            }

            """);
        await container.ShellAsync("""
            chmod +x /usr/local/bin/push-cert && mkdir -p /run/sshd /root/vm /srv/shared /var/log/nginx /var/lib/nginx
            useradd --system --create-home --home-dir /var/lib/caddy caddy && echo 127.0.0.1 localhost >> /etc/hosts
            ssh-keygen -q -t ed25519 -N '' -f /root/vm/host && ssh-keygen -q -t ed25519 -N '' -f /etc/sentinel/push-cert.key
            mv /etc/sentinel/push-cert.key.pub /root/vm/authorized && echo "127.0.0.9 $(cat /root/vm/host.pub)" > /etc/sentinel/known_hosts
            printf '%s\n' 'ListenAddress 127.0.0.9:22' 'HostKey /root/vm/host' 'AuthorizedKeysFile /root/vm/authorized' 'PidFile none' 'UsePAM no' 'PermitRootLogin prohibit-password' > /root/vm/config
            systemctl daemon-reload && systemd-run --quiet --unit=vm /usr/sbin/sshd -D -f /root/vm/config
            """);
    }

    /// <summary>Puts a new one where the sentinel looks.</summary>
    /// <returns>Its serial number, without zeros before it: OpenSSL and .NET disagree on how many there are.</returns>
    private static string Issue(Container container, int days)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authority = TestAuthority.Root(now);
        var (chain, key) = TestAuthority.Issue(authority, [Name], now.AddDays(-1), now.AddDays(days));
        container.Write($"/srv/shared/{Name}.key", key);
        container.Write($"/srv/shared/{Name}.crt", chain);
        using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(chain);
        return certificate.SerialNumber.TrimStart('0');
    }

    private static async Task UntilShownAsync(Container container, string serial)
    {
        foreach (var port in new[] { 8443, 9443 })
        {
            await Eventually.TrueAsync(
                async () => (await container.RunInNetworkAsync("sh", "-c", $"openssl s_client -connect 127.0.0.9:{port} -servername {Name} < /dev/null 2> /dev/null | openssl x509 -noout -serial")).Output
                    .Trim().Split('=')[^1].TrimStart('0') == serial,
                TimeSpan.FromSeconds(60));
        }
    }
}
