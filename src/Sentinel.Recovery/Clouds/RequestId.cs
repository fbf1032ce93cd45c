using System.Security.Cryptography;
using System.Text;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds;

/// <summary>Idempotency keys: two sentinels, or one that was restarted, ask with the same key for the same thing.</summary>
internal static class RequestId
{
    /// <param name="vm">Which VM.</param>
    /// <param name="action">What is asked: <c>start</c>, <c>reset</c>.</param>
    /// <param name="incarnation">The run that ended, or is to end.</param>
    /// <param name="attempt">Which attempt after that.</param>
    /// <returns>A version 8 UUID (RFC 9562 §5.8) made of a hash.</returns>
    public static Guid For(InstanceName vm, string action, Incarnation incarnation, int attempt) => Of($"{vm}\n{action}\n{incarnation}\n{attempt}");

    /// <summary>For the stop of a run, which is asked for once: whoever sees it knows by this that a sentinel asked.</summary>
    public static Guid ForStop(InstanceName vm, Incarnation running) => For(vm, "stop", running, 1);

    /// <summary>For one of several requests that an attempt is made of.</summary>
    public static Guid Part(Guid attempt, string part) => Of($"{attempt}\n{part}");

    private static Guid Of(string text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
