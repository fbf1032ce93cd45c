using System.Collections.Concurrent;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Clouds.Gce;

/// <summary>The provider against the fake API, on the real clock.</summary>
internal sealed class GceRig : IAsyncDisposable
{
    public const string Zone = "us-central1-a";

    public string Folder { get; } = Directory.CreateTempSubdirectory("gce-").FullName;

    private readonly RecoveryMeter _meter = new();
    private readonly CollectedLog _log = new();

    public FakeGceServer Server { get; private set; } = null!;

    public FakeMetadataServer Metadata { get; private set; } = null!;

    public GceCloud Cloud { get; private set; } = null!;

    public GceSettings Settings { get; private set; } = null!;

    public FakeProject Project => Server.Project;

    public CollectedLog Log => _log;

    public ConcurrentQueue<InstanceReport> Reports { get; } = [];

    public static async Task<GceRig> StartAsync(Func<GceSettings, GceSettings>? change = null)
    {
        var rig = new GceRig { Server = await FakeGceServer.StartAsync(timing: GceTiming.Quick), Metadata = await FakeMetadataServer.StartAsync() };
        rig.Server.TokenCheck = rig.Metadata.Knows;
        rig.Cloud = new GceCloud(rig.Folder, rig._meter, TimeProvider.System, new LoopRegistry(TimeProvider.System), rig._log);
        var settings = new GceSettings
        {
            Endpoint = rig.Server.Endpoint,
            MetadataEndpoint = rig.Metadata.Endpoint,
            WatchInterval = TimeSpan.FromMilliseconds(100),
            RequestsPerMinute = 100_000,
        };
        rig.Cloud.Configure(rig.Settings = change?.Invoke(settings) ?? settings);
        return rig;
    }

    public static InstanceName Named(string vm) => new("gce", Zone, vm);

    public static Guid Ask(string vm, int attempt = 1) => RequestId.For(Named(vm), "start", new Incarnation(1), attempt);

    /// <summary>A sentinel with a state directory of its own, empty.</summary>
    public GceCloud Another(params Fallback[] fallbacks)
    {
        var cloud = new GceCloud(Path.Combine(Folder, "another"), _meter, TimeProvider.System, new LoopRegistry(TimeProvider.System), _log);
        cloud.Configure(Settings, new Dictionary<InstanceName, GceWishes> { [Named("spot-1")] = new([.. fallbacks]) });
        return cloud;
    }

    public void Watch(string vm) => Cloud.Watch(Named(vm), Reports.Enqueue);

    public Task UntilAsync(Func<InstanceReport, bool> report) => Eventually.TrueAsync(() => Reports.LastOrDefault() is { } last && report(last), what: "the last report is as expected");

    public async ValueTask DisposeAsync()
    {
        await Cloud.DisposeAsync();
        await Server.DisposeAsync();
        await Metadata.DisposeAsync();
        _meter.Dispose();
        _log.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
