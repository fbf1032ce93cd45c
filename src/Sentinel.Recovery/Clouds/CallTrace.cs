namespace Sentinel.Recovery.Clouds;

/// <summary>Lets who asked for something hear of each request that was made to the cloud on the way, without every method knowing of it.</summary>
internal static class CallTrace
{
    private static readonly AsyncLocal<Action<string, CloudResult, TimeSpan>?> Listener = new();

    /// <summary>From here on, what this flow of control asks is told.</summary>
    public static void Listen(Action<string, CloudResult, TimeSpan> listener) => Listener.Value = listener;

    /// <summary>A request was answered, or was not.</summary>
    public static void Tell(string method, CloudResult result, TimeSpan took) => Listener.Value?.Invoke(method, result, took);
}
