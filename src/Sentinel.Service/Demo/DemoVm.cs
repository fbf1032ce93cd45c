using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Demo;

/// <summary>
/// What runs inside a VM of the demo: boots for a while, then serves a page that says which VM it is, and SSH. All its
/// processes are of one group, so that killing the group is what a preemption is to a machine.
/// </summary>
internal sealed class DemoVm(DemoVmSettings settings)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time = TimeProvider.System;
    private int _requests;

    /// <summary>Runs until it is killed, or nobody is left to whom it belongs.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await File.WriteAllTextAsync(settings.PidFile, $"{Environment.ProcessId}", cancellationToken).ConfigureAwait(false);
        await Task.Delay(settings.Boot, _time, cancellationToken).ConfigureAwait(false);
        var bootedAt = _time.GetUtcNow();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(settings.Http));
        await using var app = builder.Build();
        app.Run(context => GreetAsync(context, bootedAt));
        await app.StartAsync(cancellationToken).ConfigureAwait(false);

        var ssh = settings.Server is null ? Task.CompletedTask : AcceptAsync(cancellationToken);
        using var timer = new PeriodicTimer(Look, _time);
        while (IsOwned() && await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            if (ssh.IsFaulted)
            {
                await ssh.ConfigureAwait(false);
            }
        }
    }

    private Task GreetAsync(HttpContext context, DateTimeOffset bootedAt)
    {
        var number = Interlocked.Increment(ref _requests);
        var (name, up) = (settings.Name, Admin.Spoken.Ago(bootedAt, _time.GetUtcNow()));
        if (!context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            return context.Response.WriteAsync($"Hello from {name}, process {Environment.ProcessId}, up for {up}.\n");
        }

        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync($$"""
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="1"><title>{{HtmlEncoder.Default.Encode(name)}}</title>
            <style>:root { color-scheme: light dark } body { font: 1.25rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto; padding: 0 1rem } h1 { font-size: 2.5rem; margin: 0 }</style></head>
            <body><h1>Hello from {{HtmlEncoder.Default.Encode(name)}}</h1><p>Process {{Environment.ProcessId}}, up for {{up}}, request {{number}}. This page asks again every second: preempt the VM and watch who answers.</p></body></html>
            """);
    }

    private async Task AcceptAsync(CancellationToken cancellationToken)
    {
        using var listener = new TcpListener(settings.Ssh);
        listener.Start();
        while (true)
        {
            _ = ServeAsync(await listener.AcceptTcpClientAsync(cancellationToken).ConfigureAwait(false), cancellationToken);
        }
    }

    /// <summary>One sshd a connection (sshd -i): nothing of it outlives this process, whereas a listening sshd's sessions would.</summary>
    private async Task ServeAsync(TcpClient client, CancellationToken cancellationToken)
    {
        using (client)
        {
            try
            {
                using var server = Process.Start(new ProcessStartInfo(settings.Server!, ["-i", "-e", "-f", settings.ServerConfiguration!, "-o", $"Banner={Banner()}"])
                {
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                })!;
                var network = client.GetStream();
                var inward = network.CopyToAsync(server.StandardInput.BaseStream, cancellationToken)
                    .ContinueWith(_ => server.StandardInput.Close(), TaskScheduler.Default);
                await server.StandardOutput.BaseStream.CopyToAsync(network, cancellationToken).ConfigureAwait(false);
                client.Client.Shutdown(SocketShutdown.Send);
                await inward.ConfigureAwait(false);
                await server.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.ComponentModel.Win32Exception)
            {
                // Whoever left, left.
            }
        }
    }

    private string Banner()
    {
        var file = settings.PidFile + ".banner";
        File.WriteAllText(file, $"You are on {settings.Name}, process {Environment.ProcessId}.\n", Encoding.ASCII);
        return file;
    }

    /// <summary>Whether the demo that started it still runs: one that was killed cannot clean up after itself.</summary>
    private bool IsOwned()
    {
        try
        {
            using var owner = Process.GetProcessById(settings.Owner);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>One VM of the demo.</summary>
internal sealed record DemoVmSettings
{
    public required string Name { get; init; }

    public required IPEndPoint Http { get; init; }

    public required IPEndPoint Ssh { get; init; }

    /// <summary>How long it takes to come up.</summary>
    public required TimeSpan Boot { get; init; }

    /// <summary>Where it writes its process id.</summary>
    public required string PidFile { get; init; }

    /// <summary>The process that it belongs to.</summary>
    public required int Owner { get; init; }

    /// <summary>OpenSSH's server; null: no SSH.</summary>
    public string? Server { get; init; }

    public string? ServerConfiguration { get; init; }
}
