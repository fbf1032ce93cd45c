using System.Net;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>Addresses of this project's own: each test binds the port it likes on an address that nobody else has.</summary>
internal static class Loopback
{
    // Each process its own stretch: tests of several checkouts may run at once.
    private static int _last = Environment.ProcessId * 211;

    public static IPAddress Next()
    {
        var n = Interlocked.Increment(ref _last) & 0xffff;
        return new([127, 21, (byte)(n >> 8), (byte)n]);
    }
}
