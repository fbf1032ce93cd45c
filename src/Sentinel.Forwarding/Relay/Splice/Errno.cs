namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>The error numbers that the loop tells apart (errno(3); the same on x64 and arm64).</summary>
internal static class Errno
{
    public const int Interrupted = 4;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int ProcessFilesFull = 24;
    public const int SystemFilesFull = 23;
    public const int BrokenPipe = 32;
    public const int AddressNotAvailable = 99;
    public const int NoBuffers = 105;
    public const int InProgress = 115;
}
