using Sentinel.Backends;
using Sentinel.Recovery;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Hosting;

/// <summary>Stands in until recovery is there.</summary>
internal sealed class RecoveryRoom(PoolTable pools, TimeProvider time) : IRecoveryRoom
{
    public BackendHistory? HistoryOf(BackendId backend) => null;

    public IReadOnlyList<OutageDocument> Outages() => [];

    public OutageDocument? Outage(string id) => null;

    public Task<string?> AskAsync(BackendId backend, OperatorVerb verb, CancellationToken cancellationToken) => Task.FromResult<string?>("Not yet.");

    public Task<IRecoveryChange> PrepareAsync(IReadOnlyList<BackendSettings> backends, CancellationToken cancellationToken) =>
        Task.FromResult<IRecoveryChange>(new Change(() =>
        {
            foreach (var backend in backends)
            {
                pools.Report(backend.Definition.Id, new BackendStatus(BackendState.Serving, true, time.GetUtcNow(), "not watched"));
            }
        }));

    public Task StopAsync(CancellationToken now) => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Change(Action commit) : IRecoveryChange
    {
        public IReadOnlyList<string> Errors => [];

        public void Commit() => commit();

        public void Dispose()
        {
        }
    }
}
