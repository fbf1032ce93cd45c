using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

/// <summary>Remembers what it was asked, and tells what a test put in.</summary>
internal sealed class FakeRecoveryDesk : IRecoveryDesk
{
    public Dictionary<string, BackendHistory> Histories { get; } = [];

    public List<OutageDocument> Recorded { get; } = [];

    public List<(string Backend, OperatorRequest Verb)> Asked { get; } = [];

    public List<(string Instance, DateTimeOffset At)> Notices { get; } = [];

    public string? Refusal { get; set; }

    public BackendHistory? HistoryOf(BackendId backend) => Histories.GetValueOrDefault(backend.Name);

    public IReadOnlyList<OutageDocument> Outages() => Recorded;

    public OutageDocument? Outage(string id) => Recorded.Find(outage => outage.Id == id);

    public Task<string?> AskAsync(BackendId backend, OperatorRequest request, CancellationToken cancellationToken)
    {
        Asked.Add((backend.Name, request));
        return Task.FromResult(Refusal);
    }

    public BackendId? Notice(string instance, DateTimeOffset at)
    {
        Notices.Add((instance, at));
        return instance.StartsWith("process/", StringComparison.Ordinal) ? new BackendId(instance["process/".Length..]) : null;
    }
}
