using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Testing;

namespace Sentinel.Certificates.Tests;

/// <summary>A certificate room with its folder, and the ports that an authority looks at. Only what a listener would do is played here.</summary>
internal sealed class Rig : IAsyncDisposable
{
    private readonly Socket _http = Listening();
    private readonly Socket _tls = Listening();
    private readonly PoolTable _pools;
    private CertificateService? _service;

    public Rig(TimeProvider? time = null)
    {
        Time = time ?? TimeProvider.System;
        _pools = new(Time);
        _ = ServeAsync(_http, AnswerHttpAsync);
        _ = ServeAsync(_tls, AnswerTlsAsync);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("sentinel-certificates-").FullName;

    public string Store => Path.Combine(Folder, "certificates");

    public TimeProvider Time { get; }

    public int HttpPort => ((IPEndPoint)_http.LocalEndPoint!).Port;

    public int TlsPort => ((IPEndPoint)_tls.LocalEndPoint!).Port;

    public Recorder Logs { get; } = new();

    public CertificateService Service => _service ?? throw new InvalidOperationException("Not started.");

    public PoolTable Pools => _pools;

    /// <summary>For orders that are made without a service.</summary>
    public ChallengeBoard Board { get; } = new();

    /// <summary>As the daemon does at its start.</summary>
    public CertificateService Start(CertificateSettings settings)
    {
        _service = new(Store, _pools, new LoopRegistry(Time), Time, Logs);
        _service.Load();
        _service.Commit(settings);
        _service.Start();
        return _service;
    }

    public async Task StopAsync()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
            _service = null;
        }
    }

    public CertificateStatus Status(string name) => Service.Statuses.Single(status => status.Names.Contains(name));

    public Task UntilHeldAsync(string name) => Eventually.TrueAsync(() => Status(name).NotAfter is not null, TimeSpan.FromSeconds(40), $"{name} is held; {Status(name).LastError}");

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _pools.Dispose();
        _http.Dispose();
        _tls.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static Socket Listening()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private static async Task ServeAsync(Socket listening, Func<NetworkStream, Task> answer)
    {
        try
        {
            while (true)
            {
                var socket = await listening.AcceptAsync();
                _ = Task.Run(async () =>
                {
                    try
                    {
                        await using var stream = new NetworkStream(socket, ownsSocket: true);
                        await answer(stream);
                    }
                    catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
                    {
                        // The authority left.
                    }
                });
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task AnswerHttpAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var target = (await reader.ReadLineAsync())?.Split(' ')[1] ?? "";
        while (await reader.ReadLineAsync() is { Length: > 0 })
        {
        }

        var token = target.Split('/')[^1];
        var proof = _service?.FindKeyAuthorization(token) ?? Board.FindKeyAuthorization(token);
        var head = proof is null ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n" : $"HTTP/1.1 200 OK\r\nContent-Length: {proof.Length}\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{head}Connection: close\r\n\r\n{proof}"));
    }

    private async Task AnswerTlsAsync(NetworkStream stream)
    {
        await using var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(
            (_, hello, _, _) => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = _service?.FindChallenge(hello.ServerName),
                ApplicationProtocols = [new("acme-tls/1")],
            }),
            state: null);
        await tls.ShutdownAsync();
    }
}

/// <summary>Keeps what was logged.</summary>
internal sealed class Recorder : ILoggerFactory, ILogger
{
    private readonly List<string> _lines = [];

    public string Text
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => NullScope.Instance;

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose()
    {
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
        {
            _lines.Add($"{eventId.Name}: {formatter(state, exception)} {exception}");
        }
    }

    private sealed class NullScope : IDisposable
    {
        public static readonly NullScope Instance = new();

        public void Dispose()
        {
        }
    }
}
