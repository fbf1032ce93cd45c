using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Daemons;

namespace Sentinel.Jump.KeySync;

/// <summary>Gives VMs the public part of the sentinel's own keys, by their daemons.</summary>
internal static class OwnKeys
{
    // A VM may be made anew without being seen to be away.
    private static readonly TimeSpan GivingAgain = TimeSpan.FromHours(1);

    /// <summary>Gives them to a VM, unless it was given the same lately.</summary>
    /// <param name="keys">One a line, the newest last: a VM that keeps one keeps that.</param>
    /// <returns>What went wrong, as a sentence without its end.</returns>
    public static async Task<string?> GiveAsync(
        IReadOnlyList<string> keys, KeySyncPlace place, DaemonEndpoint endpoint, string address, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var isSame = place.Offered.SequenceEqual(keys);
        if (keys.Count == 0 || (isSame && time.GetUtcNow() - place.OfferedAt < GivingAgain))
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
                if (!isSame)
                {
                    Log.KeyNotWanted(logger, place.Backend.Name, answer.Error!);
                }

                (place.Offered, place.OfferedAt, place.Taken) = (keys, time.GetUtcNow(), []);
                return null;
            }

            if (answer.Body is null)
            {
                return answer.Error;
            }

            if (!isSame)
            {
                Log.KeyGiven(logger, place.Backend.Name);
            }
        }

        (place.Offered, place.OfferedAt, place.Taken) = (keys, time.GetUtcNow(), keys);
        return null;
    }
}
