using System.Net;
using System.Text.Json.Serialization;

namespace Sentinel.Forwarding.HandOver;

/// <summary>All kept connections as they are written down.</summary>
/// <param name="Format">
/// Grows when a reader that does not know of a change would do wrong: it refuses the list. Otherwise versions older and
/// newer than the writer read it: names keep their meaning, what is unknown is skipped, and what is new may be missing.
/// </param>
/// <param name="Connections">In the order of their sockets.</param>
internal sealed record KeptRecords(int Format, KeptRecord[] Connections)
{
    public const int CurrentFormat = 1;
}

/// <summary>One kept connection as it is written down.</summary>
internal sealed record KeptRecord
{
    public required string Listener { get; init; }

    public required string Client { get; init; }

    public string? Reached { get; init; }

    public bool IsUnknown { get; init; }

    public required DateTimeOffset Start { get; init; }

    /// <summary>Absent: it waits, and has one socket instead of two.</summary>
    public string? Backend { get; init; }

    public bool ClosesOnDown { get; init; }

    public FlowRecord? ToBackend { get; init; }

    public FlowRecord? ToClient { get; init; }

    [JsonIgnore]
    public int Sockets => Backend is null ? 1 : 2;

    public static KeptRecord Of(KeptConnection connection) => new()
    {
        Listener = connection.Listener,
        Client = connection.Client.ToString(),
        Reached = connection.Reached?.ToString(),
        IsUnknown = connection.IsUnknown,
        Start = connection.Start,
        Backend = connection.Relay?.Backend.ToString(),
        ClosesOnDown = connection.Relay?.ClosesOnDown ?? false,
        ToBackend = FlowRecord.Of(connection.Relay?.ToBackend),
        ToClient = FlowRecord.Of(connection.Relay?.ToClient),
    };

    /// <param name="sockets">As many as <see cref="Sockets"/> says: the client's, then the backend's.</param>
    /// <exception cref="FormatException">An address is none.</exception>
    public KeptConnection ToConnection(ReadOnlySpan<int> sockets) => new()
    {
        Listener = Listener,
        Client = IPEndPoint.Parse(Client),
        Reached = Reached is null ? null : IPEndPoint.Parse(Reached),
        IsUnknown = IsUnknown,
        Start = Start,
        ClientSocket = new(sockets[0]),
        Relay = Backend is null ? null : new()
        {
            Backend = new(Backend),
            ClosesOnDown = ClosesOnDown,
            BackendSocket = new(sockets[1]),
            ToBackend = ToBackend?.ToFlow() ?? KeptFlow.Fresh,
            ToClient = ToClient?.ToFlow() ?? KeptFlow.Fresh,
        },
    };
}

/// <summary>A direction of a kept connection as it is written down.</summary>
internal sealed record FlowRecord(long Bytes, byte[]? Unsent, bool IsOver)
{
    public static FlowRecord? Of(KeptFlow? flow) => flow is null ? null : new(flow.Bytes, flow.Unsent.IsEmpty ? null : flow.Unsent.ToArray(), flow.IsOver);

    public KeptFlow ToFlow() => new() { Bytes = Bytes, Unsent = Unsent, IsOver = IsOver };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(KeptRecords))]
internal sealed partial class KeptRecordsJson : JsonSerializerContext;
