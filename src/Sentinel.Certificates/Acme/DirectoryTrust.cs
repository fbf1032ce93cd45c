using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Certificates.Acme;

/// <summary>Which server is believed to be the authority: one that the system trusts, or that a further root vouches for.</summary>
internal sealed class DirectoryTrust(string? caFile, TimeProvider time)
{
    /// <summary>Judges a handshake.</summary>
    /// <exception cref="AuthenticationException">Not trusted, and what to do about it.</exception>
    public bool Judge(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        if (certificate is not X509Certificate2 leaf || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            throw new AuthenticationException("its certificate is for another name");
        }

        using var other = new X509Chain();
        if (caFile is not null)
        {
            other.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            try
            {
                other.ChainPolicy.CustomTrustStore.ImportFromPemFile(caFile);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                throw new AuthenticationException($"{caFile} cannot be read: {e.Message}", e);
            }
        }

        other.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        other.ChainPolicy.VerificationTime = time.GetUtcNow().UtcDateTime;
        foreach (var element in chain?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            other.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        if (other.Build(leaf))
        {
            return true;
        }

        throw new AuthenticationException(other.ChainStatus.Any(status => status.Status == X509ChainStatusFlags.NotTimeValid)
            ? $"its certificate is not valid at {time.GetUtcNow():yyyy-MM-dd HH:mm}Z, which this machine takes for the time; is its clock right?"
            : "no authority that this machine trusts signed its certificate; certificates.acme.caFile may name one more");
    }
}
