using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Certificates;
using Sentinel.Recovery;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Alerts;
using Sentinel.Service.Configuration;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Alerts;

/// <summary>Alerts reach a receiver over HTTP, whatever it answers first.</summary>
public sealed class AlertTests : IAsyncLifetime
{
    private static readonly Secret Key = new("0123456789abcdef"u8);
    private readonly string _folder = Directory.CreateTempSubdirectory("alerts-").FullName;
    private Receiver _receiver = null!;
    private AlertRoom _room = null!;

    public async Task InitializeAsync()
    {
        _receiver = await Receiver.StartAsync();
        _room = NewRoom();
    }

    public async Task DisposeAsync()
    {
        await _room.DisposeAsync();
        await _receiver.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_receiver_that_fails_first_gets_every_alert_signed_and_in_order()
    {
        _receiver.Status = before => before < 2 ? 503 : 204;
        _room.Commit([new() { Url = _receiver.Url, Secret = Key }]);

        _room.Tell(Alert(OutageAlert.Preempted));
        _room.Tell(Alert(OutageAlert.Recovered));
        await Eventually.TrueAsync(() => _receiver.Came.Count == 4);

        var came = _receiver.Came.ToArray();
        Assert.Equal(["preempted", "preempted", "preempted", "recovered"], came.Select(it => (string)JsonNode.Parse(it.Body)!["event"]!));
        Assert.Single(came.Take(3).Select(it => it.Id).Distinct());
        Assert.All(came, it =>
        {
            var parts = it.Signature!.Split(',').Select(part => part.Split('=')).ToDictionary(part => part[0], part => part[1]);
            var expected = HMACSHA256.HashData("0123456789abcdef"u8, [.. Encoding.ASCII.GetBytes(parts["t"] + "."), .. it.Body]);
            Assert.Equal(Convert.ToHexStringLower(expected), parts["v1"]);
            Assert.InRange(DateTimeOffset.FromUnixTimeSeconds(long.Parse(parts["t"])), TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow());
        });
        var document = JsonNode.Parse(came[^1].Body)!;
        Assert.Equal(
            ("front-1", "spot-1", "20261122T101500Z-spot-1", "preempted", "spot-1 serves again after 71 s (preempted): words"),
            ((string)document["sentinel"]!, (string)document["backend"]!, (string)document["outage"]!, (string)document["reason"]!, (string)document["message"]!));
        await Eventually.TrueAsync(() => Waiting() == 0, what: "nothing is left on disk");
    }

    [Fact]
    public async Task What_happens_to_certificates_is_told_to_those_who_want_that()
    {
        _room.Commit([new() { Url = _receiver.Url, Events = [AlertEvent.Certificate] }]);

        _room.Tell(Alert(OutageAlert.Recovered));
        _room.Tell(new CertificateAlert(TimeProvider.System.GetUtcNow(), "expiring", "the certificate for a.test ends at 2026-12-01 00:00Z"));
        await Eventually.TrueAsync(() => !_receiver.Came.IsEmpty);

        var document = JsonNode.Parse(Assert.Single(_receiver.Came).Body)!;
        Assert.Equal(
            ("certificate", "expiring", "the certificate for a.test ends at 2026-12-01 00:00Z"),
            ((string)document["event"]!, (string)document["reason"]!, (string)document["message"]!));
    }

    [Fact]
    public async Task What_was_not_delivered_is_delivered_by_the_next_daemon()
    {
        _receiver.Status = _ => 500;
        _room.Commit([new() { Url = _receiver.Url }]);
        _room.Tell(Alert(OutageAlert.Slow));
        await Eventually.TrueAsync(() => !_receiver.Came.IsEmpty);
        await _room.DisposeAsync();
        Assert.Equal(1, Waiting());

        _receiver.Status = _ => 200;
        _room = NewRoom();
        _room.Commit([new() { Url = _receiver.Url }]);

        await Eventually.TrueAsync(() => Waiting() == 0);
        Assert.Single(_receiver.Came.Select(it => it.Id).Distinct());
        Assert.Null(_receiver.Came.Last().Signature);
    }

    [Fact]
    public async Task Slack_gets_a_sentence_and_each_receiver_what_it_asked_for()
    {
        await using var slack = await Receiver.StartAsync();
        _room.Commit([new() { Url = _receiver.Url, Events = [AlertEvent.Held] }, new() { Url = slack.Url, Format = AlertFormat.Slack, Events = [AlertEvent.Capacity] }]);

        _room.Tell(Alert(OutageAlert.Capacity, "permission", "Required 'compute.instances.start' permission for <it> & others"));
        _room.Tell(Alert(OutageAlert.Held, "user", "a person stopped it"));
        await Eventually.TrueAsync(() => slack.Came.Count == 1 && _receiver.Came.Count == 1);

        Assert.Equal(
            "front-1: a permission is missing for spot-1, grant it: Required 'compute.instances.start' permission for &lt;it&gt; &amp; others",
            (string)JsonNode.Parse(slack.Came.Single().Body)!["text"]!);
        Assert.Equal("held", (string)JsonNode.Parse(_receiver.Came.Single().Body)!["event"]!);
    }

    [Fact]
    public async Task A_receiver_that_is_down_holds_up_nobody_and_its_queue_is_bounded()
    {
        var down = new Uri("http://127.0.0.1:1/");
        _room.Commit([new() { Url = down }, new() { Url = _receiver.Url }]);
        for (var i = 0; i < WebhookQueue.Capacity + 5; i++)
        {
            _room.Tell(Alert(OutageAlert.Flapping));
        }

        await Eventually.TrueAsync(() => _receiver.Came.Count == WebhookQueue.Capacity + 5);
        await Eventually.TrueAsync(() => Waiting() == WebhookQueue.Capacity);

        // Nobody who has left the configuration is told anything any more.
        _room.Commit([new() { Url = _receiver.Url }]);
        await Eventually.TrueAsync(() => Waiting() == 0);
    }

    [Fact]
    public async Task What_a_receiver_will_never_take_does_not_hold_up_the_next()
    {
        _receiver.Status = before => before == 0 ? 422 : 200;
        _room.Commit([new() { Url = _receiver.Url }]);
        _room.Tell(Alert(OutageAlert.Preempted));
        _room.Tell(Alert(OutageAlert.Recovered));

        await Eventually.TrueAsync(() => _receiver.Came.Count == 2 && Waiting() == 0);
        Assert.Equal(["preempted", "recovered"], _receiver.Came.Select(it => (string)JsonNode.Parse(it.Body)!["event"]!));
    }

    private static RecoveryAlert Alert(OutageAlert kind, string reason = "preempted", string detail = "words") =>
        new(kind, TimeProvider.System.GetUtcNow(), new BackendId("spot-1"), "20261122T101500Z-spot-1", reason, detail, 71.4);

    private AlertRoom NewRoom() => new(_folder, "front-1", TimeProvider.System, new LoopRegistry(TimeProvider.System), NullLogger<AlertRoom>.Instance);

    private int Waiting() => Directory.GetFiles(_folder, "*.json", SearchOption.AllDirectories).Length;
}
