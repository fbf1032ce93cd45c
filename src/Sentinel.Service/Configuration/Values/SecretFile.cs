using System.Buffers;
using System.Security.Cryptography;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Values;

/// <summary>A file that holds a secret, and what it held.</summary>
/// <param name="Path">With <c>${CREDENTIALS_DIRECTORY}</c> expanded.</param>
internal sealed record SecretFile(string Path, Secret Secret)
{
    private const string CredentialsVariable = "CREDENTIALS_DIRECTORY";
    private const string Placeholder = "${" + CredentialsVariable + "}";
    private const string ExpectedPath = "the absolute path of a file that holds the secret; ${" + CredentialsVariable + "} may begin it";
    private const int LongestSecret = 64 * 1024;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
    private const UnixFileMode GroupWrite = UnixFileMode.GroupWrite;

    private static readonly SearchValues<byte> OfKeys = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="u8);

    /// <summary>A bearer token: one line of at least 16 characters that may stand in a header (RFC 6750 §2.1).</summary>
    public static TextShape<SecretFile> Token { get; } = new(
        ExpectedPath,
        (text, environment) => Read(text, environment, (path, secret) => RefuseToken(path, secret)));

    /// <summary>A key in base64url (RFC 4648 §5), as authorities give it; the usual base64 does as well.</summary>
    public static TextShape<SecretFile> Base64UrlKey { get; } = new(
        ExpectedPath,
        (text, environment) => Read(text, environment, (path, secret) => RefuseKey(path, secret)));

    /// <summary>A secret that two share: at least 32 bytes.</summary>
    public static TextShape<SecretFile> Shared { get; } = new(
        ExpectedPath,
        (text, environment) => Read(text, environment, (path, secret) =>
            secret.Length < 32 ? new("openssl rand -hex 32 makes one", $"a secret of {secret.Length} bytes in {path}", "at least 32") : null));

    /// <summary>A private key in PEM, PKCS #8.</summary>
    public static TextShape<SecretFile> PrivateKey { get; } = new(
        ExpectedPath,
        (text, environment) => Read(text, environment, (path, secret) =>
            secret.IndexOf("-----BEGIN PRIVATE KEY-----"u8) < 0 ? new("openssl genpkey -algorithm ed25519 makes one", $"{path}, which holds no PRIVATE KEY in PEM", "a private key") : null));

    /// <summary>A file that holds a secret of any form, such as a key.</summary>
    public static Parsed<SecretFile> ReadAny(string text, ConfigurationEnvironment environment) => Read(text, environment, (_, _) => null);

    /// <summary>The path with its placeholder expanded; null if the variable is not set.</summary>
    public static string? Expand(string text, ConfigurationEnvironment environment) =>
        !text.StartsWith(Placeholder, StringComparison.Ordinal) ? text
        : environment.Get(CredentialsVariable) is { } folder ? folder + text[Placeholder.Length..]
        : null;

    private static Parsed<SecretFile> Read(string text, ConfigurationEnvironment environment, Func<string, ReadOnlySpan<byte>, Refusal?> refuse)
    {
        if (Expand(text, environment) is not { } path)
        {
            return new Refusal(Expected: $"{CredentialsVariable} to be set, which LoadCredential= in the unit does");
        }

        if (!System.IO.Path.IsPathFullyQualified(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            // somebody may have written the secret itself here: it is not repeated
            return new Refusal(Found: "something that is not an absolute path");
        }

        var quoted = ScalarNode.Quote(path);
        if (LocalPath.Obstacle(path, isDirectory: false) is { } obstacle)
        {
            return new Refusal(Found: $"{quoted}, which {obstacle}");
        }

        var content = Array.Empty<byte>();
        try
        {
            using var file = File.OpenHandle(path);
            if (RefuseMode(file, path, environment) is { } tooOpen)
            {
                return tooOpen;
            }

            content = new byte[LongestSecret + 1];
            var length = RandomAccess.Read(file, content, 0);
            if (length > LongestSecret)
            {
                return new Refusal(Found: $"{quoted}, which is longer than {LongestSecret} bytes", Expected: "a file with nothing but the secret");
            }

            var secret = content.AsSpan(0, length).Trim(" \t\r\n"u8);
            return refuse(quoted, secret) is { } refusal ? refusal : new SecretFile(path, new Secret(secret));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return new Refusal(Found: $"{quoted}, which cannot be read", Expected: "a file that the daemon's user may read");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>A systemd credential is 0440 for a service with a user of its own, and nobody else enters its directory.</summary>
    private static Refusal? RefuseMode(Microsoft.Win32.SafeHandles.SafeFileHandle file, string path, ConfigurationEnvironment environment)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var mode = File.GetUnixFileMode(file);
        var isCredential = environment.Get(CredentialsVariable) is { } folder
            && System.IO.Path.GetFullPath(path).StartsWith(System.IO.Path.GetFullPath(folder).TrimEnd('/') + "/", StringComparison.Ordinal);
        var tooOpen = mode & (isCredential ? Others | GroupWrite : Others | GroupWrite | UnixFileMode.GroupRead);
        return tooOpen == UnixFileMode.None ? null
            : new Refusal(
                $"run chmod 600 {path}",
                $"{ScalarNode.Quote(path)} with mode {Convert.ToString((int)mode, 8).PadLeft(4, '0')}",
                "a file that its owner alone may read");
    }

    private static Refusal? RefuseKey(string quotedPath, ReadOnlySpan<byte> key) =>
        key.Length >= 16 && !key.ContainsAnyExcept(OfKeys) ? null
        : new(Found: $"{key.Length} bytes in {quotedPath} that are no key in base64url", Expected: "the key as the authority gave it, and nothing else");

    private static Refusal? RefuseToken(string quotedPath, ReadOnlySpan<byte> token) =>
        token.Length < 16 ? new("openssl rand -hex 32 makes one", $"a token of {token.Length} bytes in {quotedPath}", "at least 16")
        : token.ContainsAnyExceptInRange((byte)'!', (byte)'~') ? new("openssl rand -hex 32 makes one", $"a token with blanks or other odd characters in {quotedPath}", "one line of plain characters")
        : null;
}
