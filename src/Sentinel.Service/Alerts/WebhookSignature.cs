using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Alerts;

/// <summary>Shows a receiver that an alert comes from here and is not an old one sent again.</summary>
internal static class WebhookSignature
{
    public const string Header = "Sentinel-Signature";

    /// <returns><c>t=SECONDS,v1=HEX</c>: HMAC-SHA256 of the seconds since 1970, a full stop and the body. Receivers refuse old seconds.</returns>
    public static string Of(Secret secret, DateTimeOffset now, ReadOnlySpan<byte> body)
    {
        var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var key = Encoding.UTF8.GetBytes(secret.Reveal());
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        CryptographicOperations.ZeroMemory(key);
        hmac.AppendData(Encoding.ASCII.GetBytes(seconds + "."));
        hmac.AppendData(body);
        return $"t={seconds},v1={Convert.ToHexStringLower(hmac.GetHashAndReset())}";
    }
}
