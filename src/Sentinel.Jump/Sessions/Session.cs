using System.Net;

namespace Sentinel.Jump.Sessions;

/// <summary>A connection to the private sshd that is logged in.</summary>
/// <param name="Account">The account that it is logged in to: the shared one, the one of tunnels, or a user's own.</param>
/// <param name="Peer">Where it comes from; with sshd's own port that is what tells connections apart.</param>
/// <param name="Fingerprint">Of the key by which it was let in.</param>
/// <param name="Certificate">By which an authority vouched for that key, so that no list of ours has it; null: none did.</param>
/// <param name="Departures">How often users had left when it was opened (<see cref="Entrance.Departures"/>).</param>
/// <param name="Line">The line of sshd's log that told of it.</param>
internal sealed record Session(string Account, IPEndPoint Peer, string Fingerprint, Certificate? Certificate, int Departures, string Line);
