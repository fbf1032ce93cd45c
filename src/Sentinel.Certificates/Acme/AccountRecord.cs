using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sentinel.Backends.Files;

namespace Sentinel.Certificates.Acme;

/// <summary>An account as it is kept: written before the authority hears of it, so that a crash makes no second one.</summary>
/// <param name="Directory">Where it is.</param>
/// <param name="Key">PKCS #8 in PEM.</param>
/// <param name="Url">The account's name in requests; null until it is registered.</param>
internal sealed record AccountRecord(Uri Directory, string Key, string? Url)
{
    /// <summary>Not for logs: it holds a key.</summary>
    public override string ToString() => $"account at {Directory}";

    /// <summary>Null if there is none, or what is there is no account.</summary>
    /// <exception cref="IOException">There is one that cannot be read: another must not take its place.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static AccountRecord? Read(string folder, Uri directory)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(PathOf(folder, directory)), AcmeJson.Default.AccountRecord);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <exception cref="IOException">Not kept.</exception>
    /// <exception cref="UnauthorizedAccessException">Not kept.</exception>
    public Task WriteAsync(string folder) => DiskThread.RunAsync(() =>
    {
        DurableFile.CreateDirectory(folder);
        DurableFile.Write(PathOf(folder, Directory), JsonSerializer.SerializeToUtf8Bytes(this, AcmeJson.Default.AccountRecord));
    });

    /// <summary>Deletes what is kept.</summary>
    public static Task ForgetAsync(string folder, Uri directory) => DiskThread.RunAsync(() => DurableFile.TryDelete(PathOf(folder, directory)));

    private static string PathOf(string folder, Uri directory) =>
        Path.Combine(folder, $"{directory.Host}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(directory.AbsoluteUri)))[..12]}.json");
}
