using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>A real server, with a configuration in a folder of its own.</summary>
internal sealed class ServerProgram : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("prx").FullName;
    private readonly Process _process;

    private ServerProgram(string program, string configuration, Func<string, string[]> arguments)
    {
        var file = Path.Combine(_folder, "configuration");
        File.WriteAllText(file, configuration.Replace("{dir}", _folder, StringComparison.Ordinal));
        _process = Process.Start(new ProcessStartInfo(Needs.Find(program)!, arguments(file)) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _ = _process.StandardError.ReadToEndAsync();
        _ = _process.StandardOutput.ReadToEndAsync();
    }

    /// <summary>HAProxy with these frontends and backends.</summary>
    public static Task<ServerProgram> HaproxyAsync(IPEndPoint at, string sections) => StartAsync(at, new(
        "haproxy",
        $$"""
        defaults
            timeout client 30s
            timeout server 30s
            timeout connect 5s
        {{sections}}

        """,
        file => ["-db", "-f", file]));

    /// <summary>HAProxy that passes everything on with a PROXY header.</summary>
    /// <param name="at">Where it listens.</param>
    /// <param name="to">Where it passes it.</param>
    /// <param name="from">Where it comes from then.</param>
    /// <param name="form">Which header: options of its server line.</param>
    public static Task<ServerProgram> HaproxyInFrontAsync(IPEndPoint at, IPEndPoint to, IPAddress from, string form) => HaproxyAsync(
        at,
        $"""
        frontend first
            mode tcp
            bind {at}
            unique-id-format %rt
            default_backend us
        backend us
            mode tcp
            server us {to} source {from} {form}
        """);

    /// <summary>nginx with this server of its http module.</summary>
    public static Task<ServerProgram> NginxAsync(IPEndPoint at, string server) => StartAsync(at, new(
        "nginx",
        $$"""
        daemon off;
        master_process off;
        pid {dir}/pid;
        error_log stderr;
        events { }
        http {
            access_log off;
            client_body_temp_path {dir}/body;
            proxy_temp_path {dir}/proxy;
            fastcgi_temp_path {dir}/fastcgi;
            uwsgi_temp_path {dir}/uwsgi;
            scgi_temp_path {dir}/scgi;
            server { {{server}} }
        }

        """,
        file => ["-p", Path.GetDirectoryName(file)!, "-c", file]));

    /// <summary>An SSH server that nobody can log in to.</summary>
    public static Task<ServerProgram> SshdAsync(IPEndPoint at)
    {
        Directory.CreateDirectory("/run/sshd");
        return StartAsync(at, new(
            "sshd",
            $$"""
            ListenAddress {{at}}
            HostKey {dir}/key
            PidFile none
            UsePAM no
            """,
            file =>
            {
                using var keygen = Process.Start(Needs.Find("ssh-keygen")!, ["-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(Path.GetDirectoryName(file)!, "key")]);
                keygen.WaitForExit();
                return ["-D", "-e", "-f", file];
            }));
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<ServerProgram> StartAsync(IPEndPoint at, ServerProgram program)
    {
        await Eventually.TrueAsync(async () =>
        {
            Assert.False(program._process.HasExited);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(at);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        });
        return program;
    }
}
