using Microsoft.Extensions.Logging;
using Sentinel.Certificates.Acme;

namespace Sentinel.Certificates.Dns;

/// <summary>
/// Waits until a TXT record is to be had from every authoritative server: an authority asks any of them, and what it does not
/// see there costs an order.
/// </summary>
internal sealed class TextRecord(DnsResolver resolver, TimeProvider time, ILogger logger)
{
    /// <summary>So long some providers take.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <summary>A server that says nothing so often in a row is not waited for: it may be down, or out of reach from here alone.</summary>
    private const int Silences = 3;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SlowestPause = TimeSpan.FromSeconds(10);

    /// <exception cref="AcmeException">Some server still does not show it.</exception>
    public async Task AwaitAsync(string name, string value, CancellationToken cancellationToken)
    {
        var deadline = time.GetUtcNow() + LongestWait;
        var owner = await resolver.FollowAsync(name, cancellationToken).ConfigureAwait(false);
        var servers = await resolver.FindServersAsync(owner, cancellationToken).ConfigureAwait(false);
        var left = servers.ToDictionary(server => server, _ => 0);
        var showing = 0;
        for (var pause = FirstPause; ; pause = pause * 2 < SlowestPause ? pause * 2 : SlowestPause)
        {
            var replies = await Task.WhenAll(left.Keys.Select(async server =>
                (Server: server, Reply: await DnsClient.AskAsync(server.EndPoint, owner, DnsKind.Txt, !server.IsAuthoritative, time, cancellationToken).ConfigureAwait(false)))).ConfigureAwait(false);
            foreach (var (server, reply) in replies)
            {
                if (reply?.Answers.Any(record => record.Kind == DnsKind.Txt && record.Data == value) == true)
                {
                    left.Remove(server);
                    showing++;
                }
                else
                {
                    left[server] = reply is null ? left[server] + 1 : 0;
                }
            }

            var waitedFor = left.Where(server => server.Value < Silences).ToList();
            if (waitedFor.Count == 0)
            {
                if (showing == 0)
                {
                    // The authority may see what is out of our reach: a network that lets no questions out is no reason not to ask it.
                    Log.RecordUnseen(logger, name, servers.Count == 0 ? "no resolver is known" : $"no answer from {string.Join(", ", servers)}");
                }

                return;
            }

            if (time.GetUtcNow() > deadline)
            {
                var (server, reply) = replies.First(one => one.Server == waitedFor[0].Key);
                var texts = reply?.Answers.Where(record => record.Kind == DnsKind.Txt).Select(record => $"\"{record.Data}\"").ToList() ?? [];
                throw new AcmeException(
                    $"{owner} is not to be had from {server} after {LongestWait.TotalMinutes:0} minutes: it answers {(texts.Count > 0 ? string.Join(", ", texts) : reply?.Word ?? "nothing")}; "
                    + "does dnsHook write to the zone that is asked? certificates.acme.dnsResolvers says who knows the zone's servers");
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
