using System.Diagnostics;
using System.Net;
using System.Text;
using Sentinel.Certificates.Dns;
using Sentinel.Testing;

namespace Sentinel.Certificates.Tests;

/// <summary>TXT records at real authoritative servers.</summary>
public sealed class DnsTests : IDisposable
{
    private const string Value = "what-proves-it";

    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-dns-").FullName;
    private readonly string _network = $"127.{10 + (Environment.ProcessId % 90)}.53";
    private readonly Recorder _logs = new();
    private readonly List<Process> _servers = [];

    public void Dispose()
    {
        foreach (var server in _servers)
        {
            server.Kill(entireProcessTree: true);
            server.WaitForExit();
            server.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [NeedsFact("nsd", "root", "linux")]
    public async Task A_record_is_waited_for_at_every_server_of_the_zone_that_its_alias_leads_to()
    {
        // Too much for a datagram, so the rest of the way is TCP.
        var others = string.Concat(Enumerable.Range(0, 20).Select(i => $"proof TXT \"{i}{new string('x', 100)}\"\n"));
        Serve(1, others + $"proof TXT \"{Value}\"\n");
        var second = Serve(2, others);
        await Eventually.TrueAsync(async () => await AnswersAsync(1) == 21 && await AnswersAsync(2) == 20);
        var waiting = AwaitAsync(1);
        for (var asked = 0; asked < 20; asked++)
        {
            Assert.Equal(20, await AnswersAsync(2));
        }

        Assert.False(waiting.IsCompleted, _logs.Text);

        Write(2, others + $"proof TXT \"{Value}\"\n");
        second.Refresh();
        Process.Start("kill", $"-HUP {second.Id}").WaitForExit();

        await waiting.WaitAsync(TimeSpan.FromSeconds(40), TimeProvider.System);
        Assert.Equal(21, await AnswersAsync(2));
        Assert.Empty(_logs.Text);
    }

    [NeedsFact("nsd", "root", "linux")]
    public async Task A_server_that_is_down_is_not_waited_for_and_none_at_all_is_told()
    {
        Serve(1, $"proof TXT \"{Value}\"\n");
        await Eventually.TrueAsync(async () => await AnswersAsync(1) == 1);

        await AwaitAsync(1).WaitAsync(TimeSpan.FromSeconds(40), TimeProvider.System);
        Assert.Empty(_logs.Text);

        await AwaitAsync(3).WaitAsync(TimeSpan.FromSeconds(40), TimeProvider.System);
        Assert.Contains($"certificate.record.unseen: Whether _acme-challenge.a.test is to be had cannot be seen from here (no answer from {_network}.3:53)", _logs.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_is_no_answer_and_breaks_nothing()
    {
        var question = DnsMessage.Ask(7, "a.test", DnsKind.Txt, recursive: true);
        var answer = (byte[])[.. question, 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 0, 3, 2, .. "ok"u8];
        (answer[2], answer[7]) = (0x80, 1);
        Assert.Equal([new("a.test", DnsKind.Txt, "ok")], DnsMessage.Read(answer, 7, "a.test", DnsKind.Txt)!.Answers);
        Assert.Null(DnsMessage.Read(answer, 8, "a.test", DnsKind.Txt));
        Assert.Null(DnsMessage.Read(answer, 7, "b.test", DnsKind.Txt));
        Assert.Null(DnsMessage.Read(answer, 7, "a.test", DnsKind.A));
        Assert.Null(DnsMessage.Read(question, 7, "a.test", DnsKind.Txt));

        var random = new Random(1);
        for (var i = 0; i < 100_000; i++)
        {
            var torn = answer.ToArray();
            for (var j = random.Next(1, 5); j > 0; j--)
            {
                torn[random.Next(torn.Length)] = (byte)random.Next(256);
            }

            _ = DnsMessage.Read(torn.AsSpan(0, random.Next(torn.Length + 1)), 7, "a.test", DnsKind.Txt);
        }
    }

    private Task AwaitAsync(int resolver) =>
        new TextRecord(new([new(IPAddress.Parse($"{_network}.{resolver}"), 53)], TimeProvider.System), TimeProvider.System, _logs).AwaitAsync("_acme-challenge.a.test", Value, default);

    private async Task<int> AnswersAsync(int server) =>
        (await DnsClient.AskAsync(new(IPAddress.Parse($"{_network}.{server}"), 53), "proof.b.test", DnsKind.Txt, recursive: false, TimeProvider.System, default))?.Answers.Count ?? -1;

    private void Write(int server, string records)
    {
        var head = $"$TTL 5\n@ SOA ns1 root {records.Length} 60 60 60 5\n@ NS ns1\n@ NS ns2\nns1 A {_network}.1\nns2 A {_network}.2\n";
        File.WriteAllText(Path.Combine(_folder, $"a{server}.zone"), $"$ORIGIN a.test.\n{head}_acme-challenge CNAME proof.b.test.\n");
        File.WriteAllText(Path.Combine(_folder, $"b{server}.zone"), $"$ORIGIN b.test.\n{head}{records}");
    }

    private Process Serve(int server, string records)
    {
        Write(server, records);
        var file = Path.Combine(_folder, $"nsd{server}.conf");
        File.WriteAllText(file, $"""
            server:
              ip-address: {_network}.{server}
              username: ""
              zonesdir: "{_folder}"
              database: ""
              pidfile: ""
              xfrdfile: "{_folder}/xfrd{server}.state"
              zonelistfile: "{_folder}/zone{server}.list"
              cookie-secret-file: "{_folder}/cookie{server}"
              xfrdir: "{_folder}"
            remote-control:
              control-enable: no
            zone:
              name: a.test
              zonefile: a{server}.zone
            zone:
              name: b.test
              zonefile: b{server}.zone
            """, new UTF8Encoding(false));
        var process = Process.Start(new ProcessStartInfo(Needs.Find("nsd")!, ["-d", "-c", file]))!;
        _servers.Add(process);
        return process;
    }
}
