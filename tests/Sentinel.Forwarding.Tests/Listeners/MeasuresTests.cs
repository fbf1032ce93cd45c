using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Listeners;

// Its listener hears every meter of the process: apart from the test that counts allocations.
[Collection("meters")]
public class MeasuresTests
{
    [Fact]
    public async Task AConnectionIsMeasuredUnderTheNamesOfTheContract()
    {
        var name = Guid.NewGuid().ToString("N");
        var seen = new ConcurrentDictionary<string, double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == "Sentinel.Forwarding")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.Start();

        await using var rig = new Rig();
        rig.ServeLater("a", TestBackend.EchoAsync);
        await rig.StartAsync(rig.Listener(name));
        var client = await rig.ConnectAsync();
        await Eventually.TrueAsync(() => rig.Status(name).Held == 1);
        listener.RecordObservableInstruments();
        Assert.Equal(1, seen["sentinel.connections.active{}"]);
        Assert.Equal(1, seen["sentinel.connections.held{}"]);
        rig.Report("a", healthy: true);
        await client.SendTextAsync("12345");
        client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.Equal("12345", await client.ReadTextToEndAsync());
        await Eventually.TrueAsync(() => rig.Logs.Ends.Count == 1);
        listener.RecordObservableInstruments();

        Assert.Equal(0, seen["sentinel.connections.active{}"]);
        Assert.Equal(1, seen["sentinel.connections{end=completed}"]);
        Assert.Equal(5, seen["sentinel.relay By{direction=to_backend}"]);
        Assert.Equal(5, seen["sentinel.relay By{direction=to_client}"]);
        Assert.Contains("sentinel.hold.duration s{outcome=released}", seen.Keys);

        void See(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var all = tags.ToArray();
            if (all.Any(tag => tag is { Key: "listener", Value: string of } && of == name))
            {
                var rest = string.Join(",", all.Where(tag => tag.Key != "listener").Select(tag => $"{tag.Key}={tag.Value}"));
                seen[$"{instrument.Name}{(instrument.Unit is null ? "" : " " + instrument.Unit)}{{{rest}}}"] = value;
            }
        }
    }
}
