using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>What becomes of requests on their way.</summary>
internal sealed partial class CloudWorld
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(120);

    public void Carry(CloudWire.Call call, Func<bool> isAlive, TaskCompletionSource<HttpResponseMessage> reply)
    {
        var sentinel = _sentinels.Find(known => known.Name == call.Sentinel);
        try
        {
            CheckCall(call);
        }
        catch (WorldViolationException e)
        {
            Broken ??= e; // a client takes whatever it meets here for trouble on the way
        }

        var fate = _isCalm || call.IsWait ? 99 : _random.Next(40);
        var way = TimeSpan.FromMilliseconds(_isCalm ? 20 : 5 + _random.Next(fate == 0 ? 9000 : 400));
        After(way, () =>
        {
            switch (fate)
            {
                case 1:
                    Tell($"    {call}: lost");
                    reply.TrySetException(new HttpRequestException("connection reset"));
                    return;
                case 2:
                    Deliver(Error(503, "backendError"));
                    return;
                case 3:
                    Deliver(Error(_random.Next(2) == 0 ? 429 : 403, "rateLimitExceeded"));
                    return;
            }

            // what was sent before the daemon was killed arrives all the same
            if (isAlive() && call.IsChange && sentinel is not null && Point(sentinel, $"{call} is sent"))
            {
                return;
            }

            if (call.IsWait)
            {
                Await(call, Now, Deliver);
                return;
            }

            var answer = Execute(call);
            if (isAlive() && call.IsChange && sentinel is not null && Point(sentinel, $"{call} was sent"))
            {
                return;
            }

            if (fate == 4)
            {
                Tell($"    {call}: the answer is lost");
                return; // the client's patience ends first
            }

            Deliver(answer);
        });

        void Deliver(HttpResponseMessage answer)
        {
            After(TimeSpan.FromMilliseconds(5), () =>
            {
                if (isAlive())
                {
                    reply.TrySetResult(answer);
                }
            });
        }
    }

    private void Await(CloudWire.Call call, DateTimeOffset since, Action<HttpResponseMessage> deliver)
    {
        var operation = call with { Method = HttpMethod.Get, Uri = new Uri(call.Uri.AbsoluteUri.Replace("/wait", "", StringComparison.Ordinal)) };
        var answer = _api.Answer(operation.Method, operation.Uri, null);
        var isDone = answer.StatusCode is not HttpStatusCode.OK || Text(answer).Contains("\"status\":\"DONE\"", StringComparison.Ordinal);
        if (isDone || Now - since > LongestWait)
        {
            deliver(answer);
        }
        else
        {
            After(TimeSpan.FromMilliseconds(500), () => Await(call, since, deliver));
        }
    }

    private HttpResponseMessage Execute(CloudWire.Call call)
    {
        if (call.IsChange)
        {
            Changes.Add(call);
        }

        var answer = Forge?.Invoke(call) ?? _api.Answer(call.Method, call.Uri, call.Body);
        if (call.IsChange || answer.StatusCode is not HttpStatusCode.OK)
        {
            Tell($"    {call}: {(int)answer.StatusCode} {(answer.StatusCode is HttpStatusCode.OK ? "" : Text(answer))}");
        }

        CheckCloud();
        return answer;
    }

    /// <summary>Carries out a request that a test forged.</summary>
    public HttpResponseMessage Answer(CloudWire.Call call) => _api.Answer(call.Method, call.Uri, call.Body);

    /// <summary>A disk as if nobody held it.</summary>
    public static HttpResponseMessage WithoutUsers(HttpResponseMessage answer) => Forged(answer, disk => disk["users"] = new JsonArray());

    /// <summary>A VM as if it were off.</summary>
    public static HttpResponseMessage AsStopped(HttpResponseMessage answer) => Forged(answer, vm => vm["status"] = "TERMINATED");

    private static HttpResponseMessage Forged(HttpResponseMessage answer, Action<JsonObject> forge)
    {
        if (answer.StatusCode is not HttpStatusCode.OK)
        {
            return answer;
        }

        var document = JsonNode.Parse(Text(answer))!.AsObject();
        forge(document);
        return new(answer.StatusCode) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(document.ToJsonString())) };
    }

    private static HttpResponseMessage Error(int status, string reason) => new((HttpStatusCode)status)
    {
        Content = new ByteArrayContent(Encoding.UTF8.GetBytes(new GceRefusalException(status, reason, "some refusal").ToJson().ToJsonString())),
    };

    private static string Text(HttpResponseMessage answer) => new StreamReader(answer.Content.ReadAsStream(), leaveOpen: true).ReadToEnd() is var text && answer.Content.ReadAsStream().Seek(0, SeekOrigin.Begin) == 0 ? text : text;
}
