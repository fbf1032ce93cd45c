using System.Buffers.Binary;
using System.Security.Cryptography;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Tests.Users;

/// <summary>Public keys that differ by their number.</summary>
internal static class TestKey
{
    public static AuthorizedKey Of(int number) => AuthorizedKey.TryParse(Line(number))!;

    public static string Line(int number)
    {
        var key = new byte[4 + 11 + 4 + 32];
        BinaryPrimitives.WriteInt32BigEndian(key, 11);
        "ssh-ed25519"u8.CopyTo(key.AsSpan(4));
        BinaryPrimitives.WriteInt32BigEndian(key.AsSpan(15), 32);
        SHA256.HashData(BitConverter.GetBytes(number)).CopyTo(key.AsSpan(19));
        return $"ssh-ed25519 {Convert.ToBase64String(key)}";
    }
}
