using System.Security.Cryptography;
using System.Text;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Admin;

/// <summary>
/// The token that requests must show. Where the configuration names no file, the daemon makes one in its state directory,
/// so that whoever may read that (root, the daemon's own user) can operate it without further ado. Only its digest is
/// kept: comparing digests takes the same time whatever is shown, however long it is.
/// </summary>
internal sealed class AdminToken
{
    /// <summary>The file in the state directory.</summary>
    public const string FileName = "admin.token";

    private readonly byte[] _digest;

    public AdminToken(string token) => _digest = Digest(token);

    /// <summary>The token that is in force with these settings; makes the file if it must.</summary>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for lack of permission.</exception>
    public static AdminToken Of(AdminSettings settings, string stateDirectory) =>
        new(settings.Token?.Reveal() ?? TryRead(stateDirectory, orThrow: true) ?? Make(stateDirectory));

    /// <summary>The daemon's own token, for its client.</summary>
    /// <returns>Null if there is none or this user may not read it.</returns>
    public static string? TryRead(string stateDirectory) => TryRead(stateDirectory, orThrow: false);

    /// <summary>Whether an Authorization header shows the token (RFC 6750 §2.1).</summary>
    public bool IsShownBy(string? authorization)
    {
        const string Scheme = "Bearer ";
        return authorization is not null
            && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(Digest(authorization[Scheme.Length..].Trim()), _digest);
    }

    private static string? TryRead(string stateDirectory, bool orThrow)
    {
        try
        {
            return File.ReadAllText(Path.Combine(stateDirectory, FileName)).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || (!orThrow && e is IOException or UnauthorizedAccessException))
        {
            return null;
        }
    }

    private static string Make(string stateDirectory)
    {
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var file = Path.Combine(stateDirectory, FileName);
        var draft = file + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        // A draft left by a crash may have been made by anyone with any mode.
        File.Delete(draft);
        using (var stream = new FileStream(draft, options))
        {
            stream.Write(Encoding.ASCII.GetBytes(token + "\n"));
        }

        File.Move(draft, file, overwrite: true);
        return token;
    }

    private static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
