using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Sentinel.EndToEnd.Jump;

/// <summary>A user's key pair. Made here and not by ssh-keygen, because there are hundreds.</summary>
internal sealed class SshKey
{
    private const string Curve = "nistp256";
    private const string Kind = "ecdsa-sha2-" + Curve;

    private SshKey(string file, byte[] blob) => (File, Public, Fingerprint) =
        (file, $"{Kind} {Convert.ToBase64String(blob)}", "SHA256:" + Convert.ToBase64String(SHA256.HashData(blob)).TrimEnd('='));

    /// <summary>The private key, for ssh's IdentityFile.</summary>
    public string File { get; }

    /// <summary>The line of a .pub file, without a comment.</summary>
    public string Public { get; }

    public string Fingerprint { get; }

    public static SshKey Create(string file)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        System.IO.File.WriteAllText(file, key.ExportECPrivateKeyPem() + "\n");
        System.IO.File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        return new(file, [.. Field(Encoding.ASCII.GetBytes(Kind)), .. Field(Encoding.ASCII.GetBytes(Curve)), .. Field([4, .. point.X!, .. point.Y!])]);
    }

    /// <summary>RFC 4251 §5, string.</summary>
    private static byte[] Field(byte[] content)
    {
        var field = new byte[4 + content.Length];
        BinaryPrimitives.WriteInt32BigEndian(field, content.Length);
        content.CopyTo(field, 4);
        return field;
    }
}
