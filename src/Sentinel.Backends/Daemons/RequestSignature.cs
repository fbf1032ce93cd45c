using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Sentinel.Backends.Daemons;

/// <summary>Signs a request to a VM's daemon, so that only who holds the secret is given keys.</summary>
internal static class RequestSignature
{
    private const string TimeHeader = "X-Containarium-Sentinel-Ts";
    private const string SignatureHeader = "X-Containarium-Sentinel-Sig";

    /// <summary>Adds the time and a signature over method, path and time: hexadecimal HMAC-SHA256, or <c>ed25519:</c> and base64.</summary>
    /// <exception cref="CryptographicException">The key cannot be used. Shows nothing of it.</exception>
    /// <exception cref="IOException">Its file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Add(HttpRequestMessage request, DaemonEndpoint endpoint, DateTimeOffset now)
    {
        var at = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var text = Encoding.UTF8.GetBytes($"{request.Method.Method}\n{request.RequestUri!.AbsolutePath}\n{at}");
        if (endpoint.HmacSecretFile is { } secretFile)
        {
            var secret = Encoding.UTF8.GetBytes(File.ReadAllText(secretFile).Trim());
            request.Headers.Add(SignatureHeader, Convert.ToHexStringLower(HMACSHA256.HashData(secret, text)));
            CryptographicOperations.ZeroMemory(secret);
        }
        else if (endpoint.Ed25519KeyFile is { } keyFile)
        {
            request.Headers.Add(SignatureHeader, "ed25519:" + Convert.ToBase64String(Ed25519.Sign(File.ReadAllText(keyFile), text)));
        }

        request.Headers.Add(TimeHeader, at);
    }
}
