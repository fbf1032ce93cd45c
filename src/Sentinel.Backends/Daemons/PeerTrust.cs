using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Backends.Daemons;

/// <summary>How far the certificate of a VM is believed.</summary>
public static class PeerTrust
{
    /// <summary>
    /// Judges what was shown by what is here. Where issuers' certificates and revocations are to be had would be the VM's word, and whoever fetches
    /// them waits for it: a VM shows its whole chain, or is not believed.
    /// </summary>
    /// <param name="authorities">Who is believed; null: whom the system believes.</param>
    public static X509ChainPolicy Offline(X509Certificate2Collection? authorities = null)
    {
        var policy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck };
        if (authorities is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return policy;
    }
}
