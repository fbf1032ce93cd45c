using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// A kept relay as it is written down. Read by versions older and newer than the writer: names keep their meaning, what
/// is unknown is skipped, and what is new may be missing.
/// </summary>
internal sealed record RelayRecord
{
    public required string Listener { get; init; }

    public required string Pool { get; init; }

    public required string Backend { get; init; }

    public required string Client { get; init; }

    public required DateTimeOffset Start { get; init; }

    public bool ClosesOnDown { get; init; }

    public long ToBackend { get; init; }

    public long ToClient { get; init; }

    public byte[]? UnsentToBackend { get; init; }

    public byte[]? UnsentToClient { get; init; }

    public bool ClientIsOver { get; init; }

    public bool BackendIsOver { get; init; }

    public static RelayRecord Of(KeptRelay relay) => new()
    {
        Listener = relay.Listener,
        Pool = relay.Pool.ToString(),
        Backend = relay.Backend.ToString(),
        Client = relay.Client.ToString(),
        Start = relay.Start,
        ClosesOnDown = relay.ClosesOnDown,
        ToBackend = relay.ToBackend.Bytes,
        ToClient = relay.ToClient.Bytes,
        UnsentToBackend = relay.ToBackend.Unsent.IsEmpty ? null : relay.ToBackend.Unsent.ToArray(),
        UnsentToClient = relay.ToClient.Unsent.IsEmpty ? null : relay.ToClient.Unsent.ToArray(),
        ClientIsOver = relay.ToBackend.IsOver,
        BackendIsOver = relay.ToClient.IsOver,
    };

    public KeptRelay ToRelay(SafeSocketHandle client, SafeSocketHandle backend) => new()
    {
        Listener = Listener,
        Pool = new(Pool),
        Backend = new(Backend),
        Client = IPEndPoint.Parse(Client),
        Start = Start,
        ClosesOnDown = ClosesOnDown,
        ClientSocket = client,
        BackendSocket = backend,
        ToBackend = new() { Bytes = ToBackend, Unsent = UnsentToBackend, IsOver = ClientIsOver },
        ToClient = new() { Bytes = ToClient, Unsent = UnsentToClient, IsOver = BackendIsOver },
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(RelayRecord[]))]
internal sealed partial class RelayRecords : JsonSerializerContext;
