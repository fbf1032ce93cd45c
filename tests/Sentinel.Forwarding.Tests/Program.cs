using Sentinel.Forwarding.Tests.Relay.Kernel;

// What must run in another network namespace than the tests, or be killed by them.
return args switch
{
    ["kernel-sentinel", var options] => await KernelSentinel.RunAsync(options).ConfigureAwait(false),
    ["kernel-clean", var name] => await KernelSentinel.CleanAsync(name).ConfigureAwait(false),
    _ => 2,
};
