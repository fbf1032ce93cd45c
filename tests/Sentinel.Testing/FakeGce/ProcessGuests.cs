using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace Sentinel.Testing.FakeGce;

/// <summary>VMs that really listen: each is a web server in a process of its own, on the VM's address, killed when the VM goes off.</summary>
/// <param name="more">Further arguments of the server, such as a journal.</param>
public sealed class ProcessGuests(params string[] more) : IGuests, IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Sentinel.Testing.dll");
    private readonly ConcurrentDictionary<string, Process> _running = [];

    /// <summary>The process that a VM runs in; null while it is off.</summary>
    public int? IdOf(string instance) => _running.TryGetValue(instance, out var process) ? process.Id : null;

    /// <summary>Whether a VM answers when it has booted: for clocks that stand still meanwhile.</summary>
    public bool IsPatient { get; init; }

    public void Boot(FakeInstance instance)
    {
        PowerOff(instance);
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        var start = new ProcessStartInfo(host) { RedirectStandardError = true };
        foreach (var argument in (string[])[Program, "vm", "--name", instance.Name, "--address", instance.Address, .. more])
        {
            start.ArgumentList.Add(argument);
        }

        _running[instance.Name] = Process.Start(start)!;
        if (IsPatient)
        {
            Eventually.TrueAsync(() => Answers(instance.Address)).GetAwaiter().GetResult();
        }
    }

    public void PowerOff(FakeInstance instance)
    {
        if (_running.TryRemove(instance.Name, out var process))
        {
            End(process);
        }
    }

    public void Dispose()
    {
        foreach (var (name, process) in _running)
        {
            if (_running.TryRemove(name, out _))
            {
                End(process);
            }
        }
    }

    private static bool Answers(string address)
    {
        try
        {
            using var client = new TcpClient(address, 8080);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void End(Process process)
    {
        using (process)
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            process.WaitForExit();
        }
    }
}
