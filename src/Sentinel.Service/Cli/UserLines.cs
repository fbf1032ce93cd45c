using System.Globalization;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary>What <c>sentinel users</c> shows to people.</summary>
internal static class UserLines
{
    /// <param name="sync">How users are fetched: what goes wrong there comes first.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static IEnumerable<string> Of(PlacementsDocument document, IReadOnlyList<KeySyncDocument> sync, int width)
    {
        foreach (var place in sync.Where(place => place.LastError is not null))
        {
            yield return $"users of {place.Backend} cannot be fetched, or not all: {place.LastError}";
        }

        if (document.Placements.Count == 0)
        {
            yield return "No users. They come from ssh.users, from backends by ssh.keySync, and by 'sentinel place'.";
        }
        else
        {
            var table = new TextTable().With("USER", givesWay: true).With("BACKEND", givesWay: true).With("BY").With("KEYS", isNumber: true).With("SINCE").With("", givesWay: true);
            foreach (var user in document.Placements)
            {
                table.Add(
                    user.User, user.Backend ?? "-", user.By, user.Keys.ToString(CultureInfo.InvariantCulture),
                    user.Since is { } since ? $"{since.UtcDateTime:yyyy-MM-dd}" : "-", Remark(user));
            }

            foreach (var line in table.Lines(width))
            {
                yield return line;
            }
        }

        if (document.Backends.Count > 0)
        {
            yield return "";
            var room = new TextTable().With("BACKEND", givesWay: true).With("USERS", isNumber: true).With("CAPACITY", isNumber: true).With("LOAD", isNumber: true).With("");
            foreach (var backend in document.Backends)
            {
                room.Add(
                    backend.Name, backend.Users.ToString(CultureInfo.InvariantCulture), backend.Capacity?.ToString(CultureInfo.InvariantCulture) ?? "-",
                    backend.Load.ToString("0.00", CultureInfo.InvariantCulture), backend.TakesUsers ? "" : "takes none now");
            }

            foreach (var line in room.Lines(width))
            {
                yield return line;
            }
        }
    }

    private static string Remark(PlacementDocument user) =>
        user.Gone is { } gone ? $"was on {gone}, which is gone"
        : user.Pending is { } pending ? (pending == user.Backend ? "not made there yet" : $"not made on {pending} yet")
        : user.Clashes.Count > 0 ? $"also named by {string.Join(", ", user.Clashes)}"
        : user.Backend is null ? "not placed"
        : "";
}
