using System.Net;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>Addresses of this project's own: each test binds the port it likes on an address that nobody else has.</summary>
internal static class Loopback
{
    private static int _last;

    public static IPAddress Next()
    {
        var n = Interlocked.Increment(ref _last);
        return new([127, 21, (byte)(n >> 8), (byte)n]);
    }
}
