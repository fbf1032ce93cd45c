namespace Sentinel.Testing.FakeGce;

/// <summary>What runs in the VMs of a fake cloud. Called in order for each VM, one call at a time, and quick.</summary>
public interface IGuests
{
    /// <summary>The VM's system has booted.</summary>
    void Boot(FakeInstance instance);

    /// <summary>The VM is off, whatever ran in it.</summary>
    void PowerOff(FakeInstance instance);
}

/// <summary>Nothing runs in them.</summary>
public sealed class NoGuests : IGuests
{
    public void Boot(FakeInstance instance)
    {
    }

    public void PowerOff(FakeInstance instance)
    {
    }
}
