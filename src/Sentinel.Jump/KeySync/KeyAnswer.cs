using System.Text.Json;
using System.Text.Json.Serialization;
using Sentinel.Backends;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.KeySync;

/// <summary>What a VM's daemon answers about its users, judged.</summary>
/// <param name="Users">Those that can be taken; none if it has none, which is an answer too.</param>
/// <param name="Load">From 0 to 1 for full; null if it does not say.</param>
/// <param name="Refused">What was not taken, as a sentence without its end; null if everything was.</param>
internal sealed record KeyAnswer(EquatableList<SyncedUser> Users, double? Load, string? Refused)
{
    private const int MostUsers = 10_000;
    private const int MostKeys = 200;

    /// <summary>Reads it whole, or not at all.</summary>
    /// <param name="isTaken">Whether a name belongs to somebody on this machine.</param>
    /// <param name="why">Why it is no such answer, as the end of a sentence; null if it is.</param>
    public static KeyAnswer? Read(byte[] body, Func<string, bool> isTaken, out string? why)
    {
        KeysDocument? document;
        try
        {
            document = JsonSerializer.Deserialize(body, KeySyncJson.Default.KeysDocument);
        }
        catch (JsonException)
        {
            document = null;
        }

        why = document?.Keys is not { } given ? "answered what is no list of users"
            : given.Count > MostUsers ? $"gave {given.Count} users, more than {MostUsers}"
            : null;
        if (why is not null)
        {
            return null;
        }

        var (users, refused) = (new Dictionary<string, HashSet<AuthorizedKey>>(StringComparer.Ordinal), new List<string>());
        foreach (var user in document!.Keys!)
        {
            if (!UserName.IsRight(user?.Name))
            {
                refused.Add($"\"{Printable(user?.Name)}\", which is no user name");
            }
            else if (isTaken(user!.Name!))
            {
                refused.Add($"{user.Name}, which is an account of this machine");
            }
            else
            {
                if (!users.TryGetValue(user.Name!, out var keys))
                {
                    users[user.Name!] = keys = [];
                }

                Take(user.Name!, user.AuthorizedKeys ?? "", keys, refused);
            }
        }

        return new(
            [.. users.OrderBy(user => user.Key, StringComparer.Ordinal).Select(user => new SyncedUser(user.Key, [.. user.Value]))],
            document.Load is { ValueKind: JsonValueKind.Number } load && load.TryGetDouble(out var figure) && figure is >= 0 and <= 1 ? figure : null,
            refused.Count == 0 ? null : $"gave {refused.Count} that cannot be taken, such as {refused[0]}");
    }

    private static void Take(string user, string text, HashSet<AuthorizedKey> keys, List<string> refused)
    {
        foreach (var line in text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (AuthorizedKey.TryParse(line) is not { } key)
            {
                refused.Add($"a line of {user} that is no public key");
            }
            else if (!line.StartsWith(key.Kind, StringComparison.Ordinal))
            {
                // command=, from=, expiry-time=: what it may not do there it must not do by way of us.
                refused.Add($"a key of {user} with options, which would be allowed more here than there");
            }
            else if (keys.Count == MostKeys && !keys.Contains(key))
            {
                refused.Add($"a key of {user} beyond {MostKeys}");
            }
            else
            {
                keys.Add(key);
            }
        }
    }

    private static string Printable(string? name) => string.Concat((name ?? "").Where(c => c is >= ' ' and <= '~').Take(64));
}

/// <summary>As the daemon writes it.</summary>
/// <param name="Keys">Its users.</param>
/// <param name="Load">More than every daemon tells: how full it is, from 0 to 1.</param>
internal sealed record KeysDocument([property: JsonPropertyName("keys")] IReadOnlyList<KeysOfUser?>? Keys, [property: JsonPropertyName("load")] JsonElement? Load);

/// <param name="Name">Of the user.</param>
/// <param name="AuthorizedKeys">The text of his file.</param>
internal sealed record KeysOfUser([property: JsonPropertyName("username")] string? Name, [property: JsonPropertyName("authorized_keys")] string? AuthorizedKeys);

/// <summary>What we post.</summary>
/// <param name="PublicKey">Our own key, as ssh-keygen writes it into a .pub file.</param>
internal sealed record OwnKeyDocument([property: JsonPropertyName("public_key")] string PublicKey);

/// <summary>As it is kept.</summary>
internal sealed record KeptUsers(IReadOnlyList<KeptUser> Users);

/// <param name="Name">Of the user.</param>
/// <param name="Keys">One a line.</param>
internal sealed record KeptUser(string Name, IReadOnlyList<string> Keys);

[JsonSerializable(typeof(KeysDocument))]
[JsonSerializable(typeof(OwnKeyDocument))]
[JsonSerializable(typeof(KeptUsers))]
internal sealed partial class KeySyncJson : JsonSerializerContext;
