using Sentinel.Forwarding.Tests.Listeners;
using Sentinel.Forwarding.Tests.Relay.Kernel;

// What must run in another network namespace or under other limits than the tests, or be killed by them.
return args switch
{
    ["kernel-sentinel", var options] => await KernelSentinel.RunAsync(options).ConfigureAwait(false),
    ["kernel-clean", var name] => await KernelSentinel.CleanAsync(name).ConfigureAwait(false),
    ["out-of-descriptors", var protocol] when OperatingSystem.IsLinux() => await OutOfDescriptors.RunAsync(protocol).ConfigureAwait(false),
    _ => 2,
};
