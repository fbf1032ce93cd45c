using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Sentinel.Backends.Commands;

namespace Sentinel.Certificates.Acme;

/// <summary>The TXT record that answers a DNS-01 challenge (RFC 8555 §8.4), written and removed by a program of the operator's.</summary>
internal sealed class DnsProof : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // Nothing waits for a record to be gone, and a daemon that stops waits for this.
    private static readonly TimeSpan CleanupPatience = TimeSpan.FromSeconds(10);

    private readonly IReadOnlyList<string> _hook;
    private readonly string _name;
    private readonly string _value;
    private readonly TimeProvider _time;

    private DnsProof(IReadOnlyList<string> hook, string name, string value, TimeProvider time) => (_hook, _name, _value, _time) = (hook, name, value, time);

    /// <summary>Has the record written.</summary>
    /// <exception cref="AcmeException">The program failed.</exception>
    public static async Task<DnsProof> ShowAsync(IReadOnlyList<string> hook, string name, string keyAuthorization, TimeProvider time, CancellationToken cancellationToken)
    {
        var value = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization)));
        var proof = new DnsProof(hook, $"_acme-challenge.{name}", value, time);
        await proof.CallAsync("present", Patience, cancellationToken).ConfigureAwait(false);
        return proof;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await CallAsync("cleanup", CleanupPatience, CancellationToken.None).ConfigureAwait(false);
        }
        catch (AcmeException)
        {
            // A record that stays proves nothing to anybody: its value is for one challenge.
        }
    }

    private async Task CallAsync(string verb, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (await Command.RunAsync([.. _hook, verb, _name, _value], patience, _time, cancellationToken).ConfigureAwait(false) is { } why)
        {
            throw new AcmeException($"dnsHook {verb} {_name} {why}");
        }
    }
}
