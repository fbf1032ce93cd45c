using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Clients and servers that somebody else wrote.</summary>
public sealed class ToolTests
{
    [NeedsTheory("curl")]
    [InlineData("--http1.1")]
    [InlineData("--http2-prior-knowledge")]
    [InlineData("--http1.0")]
    [InlineData("--http2")]
    public async Task Curl_gets_and_posts(string version)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);

        var got = await RunAsync("curl", "-sS", version, "-H", "X-Forwarded-For: 6.6.6.6", $"{stage.Address}a?b=c");
        Assert.StartsWith("GET /a?b=c HTTP/1.1", got, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", got, StringComparison.Ordinal);
        Assert.DoesNotContain("Upgrade:", got, StringComparison.OrdinalIgnoreCase);
        var posted = await RunAsync("curl", "-sS", version, "-d", "x=y", stage.Address.ToString());
        Assert.StartsWith("POST / HTTP/1.1", posted, StringComparison.Ordinal);
    }

    [NeedsTheory("curl")]
    [InlineData("--http1.1")]
    [InlineData("--http2-prior-knowledge")]
    public async Task Curl_uploads_and_downloads_the_same_bytes(string version)
    {
        var file = Path.GetTempFileName();
        var back = Path.GetTempFileName();
        try
        {
            var bytes = new byte[20_000_000];
            new Random(1).NextBytes(bytes);
            await File.WriteAllBytesAsync(file, bytes);
            await using var backend = await HttpBackend.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body));
            await using var stage = await HttpStage.StartAsync(backend);

            await RunAsync("curl", "-sS", version, "-T", file, "-o", back, stage.Address.ToString());

            Assert.Equal(bytes, await File.ReadAllBytesAsync(back));
        }
        finally
        {
            File.Delete(file);
            File.Delete(back);
        }
    }

    [NeedsTheory("curl", "nginx", "linux")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Curl_goes_on_with_a_download_where_it_was_cut(bool tls)
    {
        var folder = Directory.CreateTempSubdirectory("cut");
        try
        {
            var bytes = new byte[3_000_000];
            new Random(2).NextBytes(bytes);
            await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "whole"), bytes);
            var part = Path.Combine(folder.FullName, "part");
            await File.WriteAllBytesAsync(part, bytes[..1_234_567]);
            var at = new IPEndPoint(Kit.Loopback.Next(), 8080);
            using var nginx = await ServerProgram.NginxAsync(at, $"listen {at}; root {folder.FullName};");
            await using var stage = await HttpStage.StartAsync([at], certificates: tls ? new() : null);

            var status = await RunAsync("curl", "-sSk", "-C", "-", "-o", part, "-w", "%{http_code} %{size_download}", $"{stage.Address}whole");

            Assert.Equal($"206 {bytes.Length - 1_234_567}", status);
            Assert.Equal(bytes, await File.ReadAllBytesAsync(part));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [NeedsFact("curl")]
    public async Task Curl_is_told_of_an_outage_and_tries_again_by_itself()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync(backend);
        stage.Report(0, healthy: false);

        var head = await RunAsync("curl", "-sS", "-i", stage.Address.ToString());
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable", head, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", head, StringComparison.Ordinal);

        var trying = RunAsync("curl", "-sS", "--retry", "20", "--retry-delay", "1", "--retry-all-errors", stage.Address.ToString());
        stage.Report(0, healthy: true);
        Assert.EndsWith("served", await trying, StringComparison.Ordinal);
    }

    [NeedsFact("nghttp")]
    public async Task Nghttp_gets_many_pages_on_one_connection()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync(backend);

        var got = await RunAsync(["nghttp", "-m", "20", stage.Address.ToString()]);

        Assert.Equal(string.Concat(Enumerable.Repeat("served", 20)), got);
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 1);
    }

    [NeedsTheory("h2load")]
    [InlineData("h2c")]
    [InlineData("http/1.1")]
    public async Task H2load_loses_nothing(string protocol)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync(backend);

        var report = await RunAsync("h2load", "-n", "4000", "-c", "20", "-m", protocol == "h2c" ? "10" : "1", "-p", protocol, stage.Address.ToString());

        Assert.Contains("4000 succeeded, 0 failed, 0 errored, 0 timeout", report, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Status.Connections == 0 && stage.Load(0).Connections == 0);
    }

    [NeedsFact("python3", "curl")]
    public async Task A_server_in_python_is_served_by()
    {
        var address = Loopback.Next();
        var port = Loopback.FreePort();
        var folder = Directory.CreateTempSubdirectory();
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "hello.txt"), "hello from python");
        using var python = Process.Start(new ProcessStartInfo("python3", ["-m", "http.server", "--bind", address.ToString(), port.ToString(System.Globalization.CultureInfo.InvariantCulture)])
        {
            WorkingDirectory = folder.FullName,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            await using var stage = await HttpStage.StartAsync([new(address, port)], settings => settings with { Hold = TimeSpan.FromSeconds(30) });

            // Held until the server listens. HTTP/1.0, closed after each answer.
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal("hello from python", await RunAsync("curl", "-sS", $"{stage.Address}hello.txt"));
            }

            Assert.Contains("404", await RunAsync("curl", "-sS", "-I", $"{stage.Address}nothing"), StringComparison.Ordinal);
        }
        finally
        {
            python.Kill();
            folder.Delete(recursive: true);
        }
    }

    internal static async Task<string> RunAsync(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            var output = await process.StandardOutput.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            Assert.True(process.ExitCode == 0, $"{command[0]} ended with {process.ExitCode}: {await errors}");
            return output;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
