using Sentinel.Service.Cli;
using Sentinel.Service.Lifetimes;

InlineSockets.TurnOn();
return await CommandLine.RunAsync(args).ConfigureAwait(false);
