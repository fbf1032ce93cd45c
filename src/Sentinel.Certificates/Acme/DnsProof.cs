using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Commands;
using Sentinel.Certificates.Dns;

namespace Sentinel.Certificates.Acme;

/// <summary>The TXT record that answers a DNS-01 challenge (RFC 8555 §8.4), written and removed by a program of the operator's.</summary>
internal sealed class DnsProof : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromSeconds(10);

    // A daemon that stops waits for this. The next one goes on with the order, and removes the record after it.
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(2);

    private readonly AcmeSettings _settings;
    private readonly string _name;
    private readonly string _value;
    private readonly TimeProvider _time;
    private readonly CancellationToken _cancellationToken;

    private DnsProof(AcmeSettings settings, string name, string value, TimeProvider time, CancellationToken cancellationToken) =>
        (_settings, _name, _value, _time, _cancellationToken) = (settings, name, value, time, cancellationToken);

    /// <summary>Has the record written, and waits until it is to be had from the zone's servers.</summary>
    /// <param name="cancellationToken">Ends the wait; once it is cancelled, removing the record takes seconds at most.</param>
    /// <exception cref="AcmeException">The program failed, or the record does not appear.</exception>
    public static async Task<DnsProof> ShowAsync(AcmeSettings settings, string name, string keyAuthorization, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var value = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization)));
        var proof = new DnsProof(settings, $"_acme-challenge.{name}", value, time, cancellationToken);
        try
        {
            await proof.CallAsync("present", Patience, cancellationToken).ConfigureAwait(false);
            await new TextRecord(new DnsResolver(settings.DnsResolvers, time), time, logger).AwaitAsync(proof._name, value, cancellationToken).ConfigureAwait(false);
            return proof;
        }
        catch
        {
            await proof.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var last = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _time);
        await using var hurry = _cancellationToken.UnsafeRegister(_ => last.CancelAfter(LastPatience), state: null).ConfigureAwait(false);
        try
        {
            await CallAsync("cleanup", CleanupPatience, last.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AcmeException or OperationCanceledException)
        {
            // A record that stays proves nothing to anybody: its value is for one challenge.
        }
    }

    private async Task CallAsync(string verb, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (await Command.RunAsync([.. _settings.DnsHook, verb, _name, _value], patience, _time, cancellationToken).ConfigureAwait(false) is { } why)
        {
            throw new AcmeException($"dnsHook {verb} {_name} {why}");
        }
    }
}
