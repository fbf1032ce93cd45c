using System.Net.Sockets;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Harness;

/// <summary>Where and under what limits a daemon runs.</summary>
internal sealed record Surroundings
{
    /// <summary>A network of its own; null: the machine's.</summary>
    public NetworkNamespace? Network { get; init; }

    /// <summary>Descriptors that it may have; zero: as many as this process.</summary>
    public int Descriptors { get; init; }

    /// <summary>What it and the kernel on its behalf may use; null: everything.</summary>
    public MemoryLimit? Memory { get; init; }

    /// <summary>The rights of root that it has (capabilities(7), without <c>CAP_</c>); null: this process's.</summary>
    public string[]? Capabilities { get; init; }

    /// <summary>A file whose <c>fsync</c> does not return as long as <see cref="StuckDisk"/> lives; null: none.</summary>
    public string? Stuck { get; init; }

    /// <summary>What its command begins with.</summary>
    public string[] Wrapper =>
    [
        .. Memory?.Wrapper ?? [],
        .. Descriptors > 0 ? new[] { "prlimit", $"--nofile={Descriptors}:{Descriptors}" } : [],
        .. Network is { } network ? new[] { "ip", "netns", "exec", network.Name } : [],
        .. Stuck is { } file ? StuckDisk.Wrapper(file) : [],
        .. Capabilities is { } rights ? new[] { "setpriv", "--inh-caps=-all", $"--bounding-set=-all,{string.Join(',', rights.Select(right => "+" + right))}" } : [],
    ];

    /// <summary>Reaches its admin endpoint from outside.</summary>
    public HttpMessageHandler Handler() => new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = Network is not { } network ? null : async (context, cancellationToken) =>
        {
            var socket = network.Inside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };
}
