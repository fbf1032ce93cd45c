using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Sentinel.Service.Telemetry;
using Sentinel.Service.Telemetry.Metrics;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Telemetry;

public sealed class MetricsTests : IDisposable
{
    // Its own name, because every test of the process shares the SDK's listeners.
    private readonly Meter _meter = new("Sentinel.Test." + Guid.NewGuid().ToString("N"));
    private readonly MetricsPipeline _pipeline = new("test");

    public void Dispose()
    {
        _pipeline.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public async Task Names_follow_the_instruments_by_the_usual_rules()
    {
        _meter.CreateCounter<long>("sentinel.t1.relay", "By", "Bytes.").Add(7, new("listener", "ssh"), new("direction", "in"));
        _meter.CreateCounter<long>("sentinel.t1.connections", "{connection}", "Connections.").Add(0, new KeyValuePair<string, object?>("end", "idle"));
        _meter.CreateUpDownCounter<int>("sentinel.t1.connections.active", description: "Open.").Add(3);
        _meter.CreateObservableGauge("sentinel.t1.expiry", () => 1.5, "s", "When.");

        Assert.Equal(
            """
            # HELP sentinel_t1_connections_active Open.
            # TYPE sentinel_t1_connections_active gauge
            sentinel_t1_connections_active 3
            # HELP sentinel_t1_connections_total Connections.
            # TYPE sentinel_t1_connections_total counter
            sentinel_t1_connections_total{end="idle"} 0
            # HELP sentinel_t1_expiry_seconds When.
            # TYPE sentinel_t1_expiry_seconds gauge
            sentinel_t1_expiry_seconds 1.5
            # HELP sentinel_t1_relay_bytes_total Bytes.
            # TYPE sentinel_t1_relay_bytes_total counter
            sentinel_t1_relay_bytes_total{direction="in",listener="ssh"} 7

            """,
            await ScrapeAsync("sentinel_t1_"));
    }

    [Fact]
    public async Task A_histogram_has_summed_buckets_and_the_infinite_one()
    {
        var histogram = _meter.CreateHistogram("sentinel.t2.hold.duration", "s", "Waited.", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 2] });
        histogram.Record(0.5, new KeyValuePair<string, object?>("outcome", "served"));
        histogram.Record(1, new KeyValuePair<string, object?>("outcome", "served"));
        histogram.Record(60, new KeyValuePair<string, object?>("outcome", "served"));

        Assert.Equal(
            """
            # HELP sentinel_t2_hold_duration_seconds Waited.
            # TYPE sentinel_t2_hold_duration_seconds histogram
            sentinel_t2_hold_duration_seconds_bucket{outcome="served",le="0.5"} 1
            sentinel_t2_hold_duration_seconds_bucket{outcome="served",le="2"} 2
            sentinel_t2_hold_duration_seconds_bucket{outcome="served",le="+Inf"} 3
            sentinel_t2_hold_duration_seconds_sum{outcome="served"} 61.5
            sentinel_t2_hold_duration_seconds_count{outcome="served"} 3

            """,
            await ScrapeAsync("sentinel_t2_"));
    }

    [Fact]
    public async Task A_duration_without_advice_gets_buckets_in_seconds()
    {
        _meter.CreateHistogram<double>("sentinel.t3.duration", "s", "Took.").Record(0.004);

        Assert.Contains("sentinel_t3_duration_seconds_bucket{le=\"0.005\"} 1\n", await ScrapeAsync("sentinel_t3_"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_others_chose_cannot_break_out_of_a_label_or_help_text()
    {
        _meter.CreateCounter<long>("sentinel.t4.odd", description: "One\\two\nthree \"four\".")
            .Add(1, new KeyValuePair<string, object?>("a.b", "x\"} 1\n\\y"));

        Assert.Equal(
            """
            # HELP sentinel_t4_odd_total One\\two\nthree "four".
            # TYPE sentinel_t4_odd_total counter
            sentinel_t4_odd_total{a_b="x\"} 1\n\\y"} 1

            """,
            await ScrapeAsync("sentinel_t4_"));
    }

    [Fact]
    public async Task Two_instruments_of_one_name_give_each_series_once()
    {
        using var other = new Meter(_meter.Name + ".Other");
        _meter.CreateCounter<long>("sentinel.t5.twice", description: "Twice.").Add(1);
        other.CreateCounter<long>("sentinel.t5.twice", description: "Twice.").Add(2);

        Assert.Equal(1, (await ScrapeAsync("sentinel_t5_")).Split('\n').Count(line => line.StartsWith("sentinel_t5_twice_total ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_backend_that_left_the_configuration_leaves_the_scrape()
    {
        var gone = "";
        _meter.CreateObservableGauge(
            "sentinel.t6.healthy",
            () => new[] { "spot-1", "spot-2" }.Where(name => name != gone).Select(name => new Measurement<int>(1, new KeyValuePair<string, object?>("backend", name))),
            description: "Healthy.");
        Assert.Contains("backend=\"spot-1\"", await ScrapeAsync("sentinel_t6_"), StringComparison.Ordinal);

        gone = "spot-1";
        var text = await ScrapeAsync("sentinel_t6_");

        Assert.DoesNotContain("spot-1", text, StringComparison.Ordinal);
        Assert.Contains("backend=\"spot-2\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scrapes_at_the_same_time_all_see_everything()
    {
        _meter.CreateCounter<long>("sentinel.t7.one", description: "One.").Add(1);

        var texts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ScrapeAsync("sentinel_t7_")));

        Assert.All(texts, text => Assert.Contains("sentinel_t7_one_total 1\n", text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_daemon_tells_of_itself()
    {
        using var service = new ServiceMetrics(() => 0);
        using var process = new ProcessMetrics();
        service.Reloaded(ReloadOutcome.Rejected);

        var text = await ScrapeAsync("");

        Assert.Contains($"sentinel_build_info{{version=\"{BuildInfo.Version}\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("sentinel_leader 1\n", text, StringComparison.Ordinal);
        Assert.Contains("sentinel_config_reloads_total{outcome=\"applied\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("sentinel_config_reloads_total{outcome=\"rejected\"} 1\n", text, StringComparison.Ordinal);
        foreach (var name in (string[])["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds", "dotnet_gc_heap_total_allocated_bytes_total"])
        {
            Assert.Matches($"(?m)^{name} [0-9.]*[1-9]", text);
        }
    }

    [Fact]
    public async Task A_collector_gets_what_was_measured_even_when_it_is_let_go()
    {
        await using var collector = WebApplication.CreateSlimBuilder().Build();
        collector.Urls.Add("http://127.0.0.1:0");
        var bodies = new System.Collections.Concurrent.ConcurrentQueue<string>();
        collector.MapPost("/v1/metrics", async (HttpContext context) =>
        {
            using var reader = new StreamReader(context.Request.Body, System.Text.Encoding.Latin1);
            bodies.Enqueue(await reader.ReadToEndAsync());
        });
        await collector.StartAsync();
        _pipeline.ExportTo(new Uri(collector.Urls.Single() + "/v1/metrics"));
        _meter.CreateCounter<long>("sentinel.t9.sent", description: "Sent.").Add(1);

        _pipeline.ExportTo(null);

        Assert.Contains(bodies, body => body.Contains("sentinel.t9.sent", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://127.0.0.1:4317", "http://127.0.0.1:4317/", "Grpc")]
    [InlineData("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics", "HttpProtobuf")]
    [InlineData("https://collector.example/otlp/v1/metrics", "https://collector.example/otlp/v1/metrics", "HttpProtobuf")]
    public void The_address_of_a_collector_says_how_it_is_spoken_to(string configured, string used, string protocol)
    {
        var options = new OpenTelemetry.Exporter.OtlpExporterOptions();

        MetricsPipeline.Aim(options, new Uri(configured));

        Assert.Equal((new Uri(used), protocol), (options.Endpoint, options.Protocol.ToString()));
    }

    [Fact]
    public async Task Thousands_of_backends_keep_a_series_for_each_of_their_states()
    {
        const int Series = 24 * 1000;
        using var pipeline = new MetricsPipeline("test", backends: 1000);
        _meter.CreateObservableGauge(
            "sentinel.t8.state", () => Enumerable.Range(0, Series).Select(i => new Measurement<int>(1, new KeyValuePair<string, object?>("state", i))), description: "State.");

        Assert.Equal(Series, (await pipeline.Scrape.ReadAsync(TimeSpan.Zero, default))!.Split('\n').Count(line => line.StartsWith("sentinel_t8_state{", StringComparison.Ordinal)));
    }

    [NeedsFact("promtool")]
    public async Task Promtool_has_nothing_to_say()
    {
        using var service = new ServiceMetrics(() => 0);
        using var process = new ProcessMetrics();
        GC.Collect();

        var outcome = await RunningProgram.RunAsync("promtool", ["check", "metrics"], await ScrapeAsync("sentinel_build", "sentinel_leader", "sentinel_config", "sentinel_log", "process_", "dotnet_"));

        Assert.Equal((0, "", ""), (outcome.Status, outcome.Output, outcome.Errors));
    }

    /// <summary>The lines of the families whose names begin so.</summary>
    private async Task<string> ScrapeAsync(params string[] prefixes) => string.Concat(
        (await _pipeline.Scrape.ReadAsync(TimeSpan.Zero, default))!.Split('\n').SkipLast(1)
            .Where(line => prefixes.Any(prefix => line.Replace("# HELP ", "", StringComparison.Ordinal).Replace("# TYPE ", "", StringComparison.Ordinal).StartsWith(prefix, StringComparison.Ordinal)))
            .Select(line => line + "\n"));
}
