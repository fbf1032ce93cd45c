using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Tests.HandOver;

/// <summary>Keeps descriptors as systemd does: duplicates, which each next process gets anew.</summary>
internal sealed partial class MemoryStore : IDescriptorStore, IDisposable
{
    private readonly Dictionary<string, Descriptor> _kept = [];
    private readonly List<Descriptor> _forgotten = [];
    private readonly List<PassedSockets> _passed = [];
    private readonly FileStream _nothing = new("/dev/null", FileMode.Open);

    public IReadOnlyCollection<string> Names
    {
        get
        {
            lock (_kept)
            {
                return [.. _kept.Keys];
            }
        }
    }

    /// <summary>Takes nothing more.</summary>
    public bool IsFull { get; set; }

    public bool Keep(string name, SafeHandle descriptor)
    {
        lock (_kept)
        {
            if (IsFull)
            {
                return false;
            }

            Assert.DoesNotContain(':', name);
            Forget(name);
            _kept[name] = Descriptor.DuplicateOf(descriptor);
            return true;
        }
    }

    public void Forget(string name)
    {
        lock (_kept)
        {
            if (_kept.Remove(name, out var descriptor))
            {
                // Its file is closed and its number stays in use: see Succession.
                _forgotten.Add(descriptor);
                Assert.Equal(descriptor.Number, DuplicateTo(_nothing.SafeFileHandle, descriptor.Number));
            }
        }
    }

    public Task<bool> SettleAsync() => Task.FromResult(true);

    /// <summary>What the next process is started with.</summary>
    public PassedSockets Pass()
    {
        lock (_kept)
        {
            var sockets = new PassedSockets(_kept.ToImmutableDictionary(kept => kept.Key, kept => ImmutableArray.Create(Descriptor.DuplicateOf(kept.Value).Release())));
            _passed.Add(sockets);
            return sockets;
        }
    }

    public void Dispose()
    {
        foreach (var name in Names)
        {
            Forget(name);
        }

        // A process that ends closes what it never took; here it would stay, and with it all numbers below it: see Succession.
        _passed.ForEach(sockets => sockets.CloseUntaken(""));

        _forgotten.ForEach(descriptor => descriptor.Dispose());
        _nothing.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int DuplicateTo(SafeHandle original, int number);
}
