using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Daemons;

namespace Sentinel.Jump.KeySync;

/// <summary>The public part of the sentinel's own keys, as they lie beside the private ones.</summary>
internal sealed class OwnKeys(string directory)
{
    private const int LongestKey = 4096;

    // A VM may be made anew without being seen to be away.
    private static readonly TimeSpan GivingAgain = TimeSpan.FromHours(1);

    private readonly string _folder = Path.Combine(directory, "upstream");

    /// <summary>One a line, the newest last: while they are being replaced there are two, and a VM that keeps one keeps that.</summary>
    public IReadOnlyList<string> Read()
    {
        try
        {
            return [.. new DirectoryInfo(_folder).EnumerateFiles("*.pub").Where(file => file.Length <= LongestKey)
                .OrderBy(file => file.LastWriteTimeUtc).ThenBy(file => file.Name, StringComparer.Ordinal)
                .Select(file => File.ReadAllText(file.FullName).Trim()).Where(key => Keys.AuthorizedKey.TryParse(key) is not null)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not made yet, or being replaced at this moment.
            return [];
        }
    }

    /// <summary>Gives them to a VM, unless it was given the same lately.</summary>
    /// <returns>What went wrong, as a sentence without its end.</returns>
    public static async Task<string?> GiveAsync(
        IReadOnlyList<string> keys, KeySyncPlace place, DaemonEndpoint endpoint, string address, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var text = string.Join('\n', keys);
        if (keys.Count == 0 || (place.Given == text && time.GetUtcNow() - place.GivenAt < GivingAgain))
        {
            return null;
        }

        var at = endpoint.At(address);
        var url = new UriBuilder(at) { Path = at.AbsolutePath.TrimEnd('/') + "/sentinel" }.Uri;
        foreach (var key in keys)
        {
            using var content = JsonContent.Create(new OwnKeyDocument(key), KeySyncJson.Default.OwnKeyDocument);
            await content.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false);
            var answer = await DaemonClient.AskAsync(endpoint, url, content, time, cancellationToken).ConfigureAwait(false);
            if (answer.Refusal is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
            {
                if (place.Given != text)
                {
                    Log.KeyNotWanted(logger, place.Backend.Name, answer.Error!);
                }

                break;
            }

            if (answer.Body is null)
            {
                return answer.Error;
            }

            if (place.Given != text)
            {
                Log.KeyGiven(logger, place.Backend.Name);
            }
        }

        (place.Given, place.GivenAt) = (text, time.GetUtcNow());
        return null;
    }
}
