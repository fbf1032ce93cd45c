using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary><c>POST /v1/preemption-notice</c>: a VM's own word that it will be preempted, up to 30 s ahead of the cloud's.</summary>
internal sealed class PreemptionNotices(StatusReader status, IRecoveryDesk recovery, TimeProvider time)
{
    /// <summary>Clouds give two minutes at most: what was meant by an older notice has happened, and the VM may be another one by now.</summary>
    private static readonly TimeSpan TooOld = TimeSpan.FromMinutes(2);

    private const int LongestNotice = 4096;

    public async Task ReceiveAsync(HttpContext context)
    {
        var now = time.GetUtcNow();
        switch (await ReadAsync(context).ConfigureAwait(false))
        {
            case not { Instance.Length: > 0 }:
                await Answers.ProblemAsync(context, StatusCodes.Status400BadRequest,
                    "A notice is {\"instance\":\"gce/ZONE/NAME\",\"at\":\"2026-01-01T00:00:00Z\"}.").ConfigureAwait(false);
                break;
            case { At: { } at } when now - at > TooOld:
                await Answers.ProblemAsync(context, StatusCodes.Status409Conflict,
                    $"The notice is {(now - at).TotalSeconds:0} s old, by the sentinel's clock: what it told of has happened.").ConfigureAwait(false);
                break;
            case { } notice when recovery.Notice(notice.Instance!, notice.At ?? now) is { } id && status.Backend(id.Name) is { } backend:
                await Answers.DocumentAsync(context, backend, AdminJson.Default.BackendDocument, StatusCodes.Status202Accepted).ConfigureAwait(false);
                break;
            default:
                await Answers.ProblemAsync(context, StatusCodes.Status404NotFound, "No backend has this instance; /status lists them.").ConfigureAwait(false);
                break;
        }
    }

    private static async Task<NoticeDocument?> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength is not <= LongestNotice)
        {
            return null;
        }

        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, AdminJson.Default.NoticeDocument, context.RequestAborted).ConfigureAwait(false);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
