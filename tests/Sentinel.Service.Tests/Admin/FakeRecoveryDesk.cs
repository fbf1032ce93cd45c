using Sentinel.Backends;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

/// <summary>Remembers what it was asked, and tells what a test put in.</summary>
internal sealed class FakeRecoveryDesk : IRecoveryDesk
{
    public Dictionary<string, BackendHistory> Histories { get; } = [];

    public List<OutageDocument> Recorded { get; } = [];

    public List<(string Backend, OperatorVerb Verb)> Asked { get; } = [];

    public string? Refusal { get; set; }

    public BackendHistory? HistoryOf(BackendId backend) => Histories.GetValueOrDefault(backend.Name);

    public IReadOnlyList<OutageDocument> Outages() => Recorded;

    public OutageDocument? Outage(string id) => Recorded.Find(outage => outage.Id == id);

    public Task<string?> AskAsync(BackendId backend, OperatorVerb verb, CancellationToken cancellationToken)
    {
        Asked.Add((backend.Name, verb));
        return Task.FromResult(Refusal);
    }
}
