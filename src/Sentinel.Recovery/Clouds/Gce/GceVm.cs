using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>One instance that is watched, as far as it is known. Changed by its zone's loop alone.</summary>
/// <param name="home">Its name in the configuration, where it may have fallen back from.</param>
internal sealed class GceVm(InstanceName name, InstanceName home)
{
    private bool _mustTell = true;
    private long _expectedSince;

    public InstanceName Name => name;

    public InstanceName Home => home;

    /// <summary>What it looked like when it was described last; null before.</summary>
    public string? DescribedAs { get; set; }

    public ReportFeed Feed { get; } = new();

    /// <summary>As it was last seen; null before, and not forgotten when it is gone.</summary>
    public GceInstance? Seen { get; set; }

    /// <summary>When it was first seen down without a word of why; null unless it is.</summary>
    public long? PuzzledSince { get; set; }

    /// <summary>Whether something happens to it that will be over soon.</summary>
    public bool IsInMotion { get; set; }

    /// <summary>When that began.</summary>
    public long MovesSince { get; set; }

    /// <summary>Since when it is about to stop; zero: it is not.</summary>
    public long ExpectedSince
    {
        get => Volatile.Read(ref _expectedSince);
        set => Volatile.Write(ref _expectedSince, value);
    }

    /// <summary>How many watch it.</summary>
    public int Watchers { get; set; }

    /// <summary>The next report is told though it may be the same.</summary>
    public void Repeat() => Volatile.Write(ref _mustTell, true);

    /// <summary>Tells what is new.</summary>
    public void Tell(InstanceReport report)
    {
        if (Interlocked.Exchange(ref _mustTell, false) || report != Feed.Last)
        {
            Feed.Tell(report);
        }
    }

    /// <summary>The run that an instance is in, or that ended last: the cloud says when it began.</summary>
    public static Incarnation RunOf(GceInstance instance) => new(StartOf(instance).ToUnixTimeMilliseconds());

    /// <summary>Another one for another run, and after each change of the instance.</summary>
    public static string LookOf(GceInstance instance) => $"{instance.Id} {StartOf(instance).ToUnixTimeMilliseconds()} {instance.Fingerprint}";

    /// <summary>When that run began.</summary>
    public static DateTimeOffset StartOf(GceInstance instance) => instance.LastStartTimestamp ?? instance.CreationTimestamp ?? DateTimeOffset.UnixEpoch;
}
