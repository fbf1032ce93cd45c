using Microsoft.Extensions.Logging;
using Sentinel.Backends.Commands;
using Sentinel.Backends.Files;

namespace Sentinel.Jump.Keys;

/// <summary>Private keys of the sentinel's own, made by ssh-keygen(1): Ed25519, for the owner alone, no passphrase.</summary>
internal static class OwnKey
{
    /// <summary>Of the public part.</summary>
    public const string PublicEnding = ".pub";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Makes one unless it is there. The private part comes into being last: where it is, all is.</summary>
    /// <returns>What went wrong, as the end of a sentence; null if nothing.</returns>
    public static async Task<string?> MakeAsync(string path, string comment, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        if (File.Exists(path))
        {
            return null;
        }

        var draft = path + DurableFile.TemporaryEnding;
        try
        {
            DurableFile.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Delete(draft);
            File.Delete(draft + PublicEnding);
            if (await Command.RunAsync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", draft], Patience, time, cancellationToken).ConfigureAwait(false) is { } why)
            {
                return "ssh-keygen " + why;
            }

            DurableFile.Write(path + PublicEnding, await File.ReadAllBytesAsync(draft + PublicEnding, cancellationToken).ConfigureAwait(false));
            DurableFile.Write(path, await File.ReadAllBytesAsync(draft, cancellationToken).ConfigureAwait(false));
            File.Delete(draft);
            File.Delete(draft + PublicEnding);
            Log.KeyMade(logger, path);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>The public part of one; null if it is not there.</summary>
    public static AuthorizedKey? Public(string path)
    {
        try
        {
            return AuthorizedKey.TryParse(File.ReadAllText(path + PublicEnding).Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
