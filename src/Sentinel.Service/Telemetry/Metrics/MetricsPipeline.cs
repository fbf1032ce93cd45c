using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>
/// Every meter of the process through OpenTelemetry's SDK: always to our own Prometheus exporter, and to a collector where
/// one is configured. The two are separate, so that a reload can change the one without setting the other back to zero.
/// </summary>
internal sealed class MetricsPipeline : IDisposable
{
    private static readonly TimeSpan LastExport = TimeSpan.FromSeconds(3);

    // From a connection on loopback to an hour without a VM.
    private static readonly double[] Seconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

    // Gauges whose names would end in _count, which Prometheus keeps for histograms.
    private static readonly Dictionary<string, string> Renamed = new()
    {
        ["dotnet.assembly.count"] = "dotnet.assemblies",
        ["dotnet.process.cpu.count"] = "dotnet.process.cpus",
        ["dotnet.thread_pool.thread.count"] = "dotnet.thread_pool.threads",
        ["dotnet.timer.count"] = "dotnet.timers",
    };

    // The SDK's own limit of series for one instrument, beyond which it lumps them together.
    private const int UsualSeries = 2000;

    // A backend has one series a state, and a reload may add as many backends again.
    private const int SeriesPerBackend = 24;

    // Names may come by the thousand from VMs and directories, and no look-up is slower for it.
    private const int SeriesOfCertificates = 20_000;

    private readonly string _name;
    private readonly int _series;
    private readonly MeterProvider _prometheus;
    private MeterProvider? _otlp;
    private Uri? _endpoint;

    /// <param name="name">This sentinel's name, sent to collectors as the service's instance.</param>
    /// <param name="backends">How many backends there are to tell of.</param>
    public MetricsPipeline(string name, int backends = 0)
    {
        _name = name;
        _series = Math.Max(UsualSeries, SeriesPerBackend * backends);
        _prometheus = Everything().AddReader(Scrape.Reader).Build();
    }

    /// <summary>What <c>/metrics</c> answers with.</summary>
    public MetricsScrape Scrape { get; } = new();

    /// <summary>Sends to this collector from now on; null: to none. What the old one has not had yet is sent first.</summary>
    /// <param name="endpoint">OTLP over gRPC; over HTTP if it has a path or the port 4318.</param>
    public void ExportTo(Uri? endpoint)
    {
        if (endpoint == _endpoint)
        {
            return;
        }

        _otlp?.Shutdown((int)LastExport.TotalMilliseconds);
        _otlp?.Dispose();
        _endpoint = endpoint;
        _otlp = endpoint is null ? null : Everything()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService("sentinel", serviceVersion: BuildInfo.Version, serviceInstanceId: _name))
            .AddOtlpExporter(options => Aim(options, endpoint))
            .Build();
    }

    public void Dispose()
    {
        ExportTo(null);
        _prometheus.Dispose();
        Scrape.Dispose();
    }

    internal static void Aim(OtlpExporterOptions options, Uri endpoint)
    {
        var isHttp = endpoint.AbsolutePath != "/" || endpoint.Port == 4318;
        options.Protocol = isHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        options.Endpoint = isHttp && endpoint.AbsolutePath == "/" ? new Uri(endpoint, "v1/metrics") : endpoint;
        options.TimeoutMilliseconds = (int)LastExport.TotalMilliseconds;
    }

    private MeterProviderBuilder Everything() => Sdk.CreateMeterProviderBuilder()
        .AddMeter("Sentinel.*", "System.Runtime")
        .AddView(ViewOf);

    private MetricStreamConfiguration? ViewOf(Instrument instrument)
    {
        if (Renamed.TryGetValue(instrument.Name, out var name))
        {
            return new MetricStreamConfiguration { Name = name };
        }

        if (instrument.IsObservable && instrument.Name.StartsWith("sentinel.", StringComparison.Ordinal))
        {
            var isOfCertificates = instrument.Name.StartsWith("sentinel.certificate.", StringComparison.Ordinal);
            return new MetricStreamConfiguration { CardinalityLimit = isOfCertificates ? SeriesOfCertificates : _series };
        }

        var isHistogram = instrument.GetType().GetGenericTypeDefinition() == typeof(Histogram<>);
        return isHistogram && instrument.Unit == "s" && !HasAdvice(instrument) ? new ExplicitBucketHistogramConfiguration { Boundaries = Seconds } : null;
    }

    private static bool HasAdvice(Instrument instrument) =>
        instrument is Histogram<double> { Advice.HistogramBucketBoundaries: not null };
}
