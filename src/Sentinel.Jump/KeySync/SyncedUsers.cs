using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Jump.Files;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.KeySync;

/// <summary>What backends last said of their users, on disk: after a restart users log in before, and without, any VM being asked.</summary>
internal sealed class SyncedUsers(string directory, ILogger logger)
{
    private const string Ending = ".json";

    private readonly string _folder = Path.Combine(directory, "synced");

    /// <summary>What is kept of a backend; null if nothing is.</summary>
    public EquatableList<SyncedUser>? Read(BackendId backend)
    {
        var users = FileOf(backend).Read(Parse, out var trouble);
        if (trouble is not null)
        {
            Log.SyncedDamaged(logger, backend.Name, trouble);
        }

        return users;
    }

    /// <summary>Keeps what it says.</summary>
    /// <returns>Whether it is kept; the log says why not.</returns>
    public bool Write(BackendId backend, EquatableList<SyncedUser> users)
    {
        try
        {
            var kept = new KeptUsers([.. users.Select(user => new KeptUser(user.Name, [.. user.Keys.Select(key => key.ToString())]))]);
            FileOf(backend).Write(JsonSerializer.SerializeToUtf8Bytes(kept, KeySyncJson.Default.KeptUsers));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.SyncedNotWritten(logger, backend.Name, e.Message);
            return false;
        }
    }

    /// <summary>Deletes what is kept of backends that are not among these.</summary>
    public void Keep(IReadOnlySet<BackendId> backends)
    {
        try
        {
            foreach (var name in Directory.Exists(_folder) ? Directory.GetFiles(_folder, "*" + Ending).Select(Path.GetFileNameWithoutExtension) : [])
            {
                if (!backends.Contains(new(name!)))
                {
                    FileOf(new(name!)).Delete();
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.FilesFailed(logger, e.Message);
        }
    }

    // Names of backends are good names of files.
    private TwinFile FileOf(BackendId backend) => new(Path.Combine(_folder, backend.Name + Ending));

    private static EquatableList<SyncedUser>? Parse(byte[] content)
    {
        try
        {
            return JsonSerializer.Deserialize(content, KeySyncJson.Default.KeptUsers) is { Users: { } users } && users.All(user => UserName.IsRight(user?.Name) && user!.Keys is not null)
                ? [.. users.Select(user => new SyncedUser(user.Name, [.. user.Keys.Select(AuthorizedKey.TryParse).OfType<AuthorizedKey>()]))]
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
